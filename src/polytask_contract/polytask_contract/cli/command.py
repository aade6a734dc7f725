"""The executable `polytask`: finds the verb that is asked for and performs it.

The exit status is 0 when all went well, 1 after an error, 2 for a command line that makes no sense
and 130 after Ctrl-C.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from polytask_contract.cli.help_text import HelpText
from polytask_contract.cli.verb import UsageError, Verb
from polytask_contract.errors import PolyTaskError

GROUP = "polytask.verbs"
FAILED, MISUSED, INTERRUPTED = 1, 2, 130
HELP = ("-h", "--help", "help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform one command line, that of the process by default, and return its exit status."""
    try:
        return _perform(list(sys.argv[1:] if arguments is None else arguments))
    except UsageError as error:
        status = MISUSED
        problem: object = error
    except (PolyTaskError, OSError) as error:
        status = FAILED
        problem = error
    except KeyboardInterrupt:
        status = INTERRUPTED
        problem = "interrupted"
    print(f"polytask: {problem}", file=sys.stderr)
    return status


def _perform(arguments: list[str]) -> int:
    verbs = {tuple(entry.name.split(".")): entry for entry in entry_points(group=GROUP)}
    path, rest = _split(arguments, verbs)
    if path not in verbs:
        print(_help(path, verbs))
        return 0
    verb = _loaded(verbs[path])
    name = " ".join(["polytask", *path])
    parser = argparse.ArgumentParser(name, description=verb.summary, formatter_class=HelpText)
    verb.describe(parser)
    return verb.perform(parser.parse_args(rest))


def _split(
    arguments: Sequence[str], verbs: dict[tuple[str, ...], EntryPoint]
) -> tuple[tuple[str, ...], Sequence[str]]:
    """Return the words that name a verb, or a group of them to be listed, and what follows."""
    path: tuple[str, ...] = ()
    while path not in verbs:
        count = len(path)
        if count == len(arguments) or arguments[count] in HELP:
            return path, ()
        word = arguments[count]
        valid = sorted({name[count] for name in verbs if name[:count] == path})
        if word not in valid:
            named = f"`{' '.join(['polytask', *path])}` has no verb {word!r}"
            raise UsageError(f"{named}; valid: {', '.join(valid) or 'none'}")
        path = (*path, word)
    return path, arguments[len(path) :]


def _help(path: tuple[str, ...], verbs: dict[tuple[str, ...], EntryPoint]) -> str:
    """Return a list of the verbs that begin with `path`, a line each."""
    shown = {
        " ".join(["polytask", *name]): _summary(entry)
        for name, entry in sorted(verbs.items())
        if name[: len(path)] == path
    }
    width = max(map(len, shown), default=0)
    lines = [f"  {name:<{width}}  {summary}" for name, summary in shown.items()]
    return "\n".join(["PolyTask: many tasks, one policy. `--help` after a verb says more.", *lines])


def _summary(entry: EntryPoint) -> str:
    try:
        return _loaded(entry).summary
    except UsageError as error:
        return f"({error})"


def _loaded(entry: EntryPoint) -> Verb:
    try:
        verb: Verb = entry.load()()
    except ImportError as error:
        name = entry.name.replace(".", " ")
        raise UsageError(f"`polytask {name}` cannot be imported: {error}") from error
    return verb
