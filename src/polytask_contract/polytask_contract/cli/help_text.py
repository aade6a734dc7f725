"""How the options of a verb are shown by `--help`."""

import argparse


class HelpText(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of each option, unless that is nothing or its own text tells of it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, default = action.help or "", action.default
        told = "(default: " in text
        switched_off = action.const is False
        if told or switched_off or default is None or default == []:
            return text
        if isinstance(default, list):
            return f"{text} (default: {' '.join(default)})"
        return super()._get_help_string(action)
