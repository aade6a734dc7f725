"""`polytask relabel`: what a run practised, with the actions of its expert, to be distilled."""

import argparse
from pathlib import Path

from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.cli.teaching_options import describe_teaching


class Relabel:
    """Keeps a sample of what was practised, with what the best expert does."""

    summary = "keep a sample of what a run practised, with its expert's actions"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("run", type=Path, help="the run's folder")
        describe_teaching(parser)
        add(
            "--demonstrations",
            type=Path,
            help="the store that was learnt from; the goal's picture is taken from it, if given",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Relabel, and tell how many steps there are."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.data.relabelled_file import read_label  # noqa: PLC0415
        from polytask_learning.training.playing import Playing  # noqa: PLC0415
        from polytask_learning.training.relabel import relabel  # noqa: PLC0415

        store = EpisodeStore(options.demonstrations) if options.demonstrations else None
        path = relabel(options.run, options.keep, store, Playing(options.played))
        label = read_label(path)
        goal = "with" if label.goal else "without"
        played = f"{label.played_steps} of {label.played} played episodes"
        print(f"{path}: {label.count} steps, {played}, {goal} a picture of the goal")
        return 0
