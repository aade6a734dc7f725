"""The verbs of ./run, from the words on the command line to the exit status."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from workspace import checks, ros
from workspace.environment import for_running
from workspace.failure import SetupError, UsageError
from workspace.layout import Layout
from workspace.steps import set_up
from workspace.system_packages import forget_what_was_told


@dataclass(frozen=True)
class Verb:
    """What a verb is called, what it does, and how it is done once everything is set up."""

    usage: str
    summary: str
    perform: Callable[[Layout, Mapping[str, str], list[str]], int]
    # Looks at the arguments before anything is set up; raises UsageError.
    examine: Callable[[Layout, list[str]], None] = lambda _layout, _arguments: None


def perform(arguments: list[str], inherited: Mapping[str, str]) -> int:
    """Perform one command line and return its exit status.

    Raises UsageError for a command line that asks for something there is not, and SetupError when
    the workspace cannot be set up.
    """
    name, *rest = arguments or ["help"]
    if name in ("help", "-h", "--help"):
        print(help_text())
        return 0
    if name not in VERBS:
        raise UsageError(f"there is no verb {name!r}; the verbs are: {', '.join([*VERBS, 'help'])}")
    layout = Layout.here()
    verb = VERBS[name]
    verb.examine(layout, rest)
    sourced = ros.is_sourced(inherited)
    if name == "setup":
        forget_what_was_told(layout)
    set_up(layout, sourced, inherited)
    return verb.perform(layout, for_running(inherited, layout, sourced), rest)


def help_text() -> str:
    """Write what `./run help` prints."""
    lines = [f"  ./run {verb.usage:<22} {verb.summary}" for verb in VERBS.values()]
    return "\n".join(
        ["PolyTask. The first call sets everything up; later calls start at once.", *lines]
    )


def scripts(layout: Layout, folder: str) -> list[str]:
    """List the names of the scripts in `folder` that a verb runs by name."""
    return sorted(script.stem for script in (layout.root / folder).glob("[!_]*.py"))


def _examine_script(layout: Layout, arguments: list[str], folder: str, kind: str) -> None:
    names = scripts(layout, folder)
    if arguments and arguments[0] in names:
        return
    problem = f"there is no {kind} {arguments[0]!r}." if arguments else f"which {kind}?"
    raise UsageError(f"{problem} Valid: {', '.join(names) or '(none yet)'}")


def _examine_benchmark(layout: Layout, arguments: list[str]) -> None:
    _examine_script(layout, arguments, "benchmarks", "benchmark")


def _examine_study(layout: Layout, arguments: list[str]) -> None:
    _examine_script(layout, arguments, "studies", "study")


def _demo(layout: Layout, environment: Mapping[str, str], arguments: list[str]) -> int:
    _become([layout.install / "lib" / "polytask_learning" / "demo", *arguments], environment)


def _examine_emulator(_layout: Layout, arguments: list[str]) -> None:
    if arguments[:1] == ["--address"] and len(arguments) < 2:
        raise UsageError("--address needs one: an IPv4 address of this machine")


def _emulator(layout: Layout, environment: Mapping[str, str], arguments: list[str]) -> int:
    words: list[str] = ["--ros-args"]
    if arguments[:1] == ["--address"]:
        words += ["-p", f"address:={arguments[1]}"]
        arguments = arguments[2:]
    # What follows is for ROS too: parameters, remappings, a namespace.
    rest = [word for word in arguments if word != "--ros-args"]
    _become([layout.install / "lib" / "polytask_sim" / "xarm_emulator", *words, *rest], environment)


def _bench(layout: Layout, environment: Mapping[str, str], arguments: list[str]) -> int:
    _become_script(layout, environment, "benchmarks", arguments)


def _study(layout: Layout, environment: Mapping[str, str], arguments: list[str]) -> int:
    _become_script(layout, environment, "studies", arguments)


def _become_script(
    layout: Layout, environment: Mapping[str, str], folder: str, arguments: list[str]
) -> NoReturn:
    name, *rest = arguments
    _become([layout.python, layout.root / folder / f"{name}.py", *rest], environment)


def _shell(layout: Layout, environment: Mapping[str, str], arguments: list[str]) -> int:
    greeting = ["--rcfile", layout.root / "workspace" / "interactive.bashrc"]
    _become(["/bin/bash", *(arguments or greeting)], environment)


def _setup(layout: Layout, _environment: Mapping[str, str], _arguments: list[str]) -> int:
    print(f"run: {layout.root} is set up", file=sys.stderr)
    return 0


def _check(layout: Layout, environment: Mapping[str, str], _arguments: list[str]) -> int:
    return checks.check(layout, environment)


def _become(command: list[str | Path], environment: Mapping[str, str]) -> NoReturn:
    """Turn this process into the command: signals and exit status are then simply its own."""
    try:
        os.execve(command[0], [str(word) for word in command], environment)  # noqa: S606
    except OSError as error:
        raise SetupError(f"cannot run {command[0]}: {error.strerror}") from error


VERBS: dict[str, Verb] = {
    "demo": Verb("demo [ARGS]", "learn tasks, keep them in one policy, ask for them", _demo),
    "emulator": Verb(
        "emulator [--address A]",
        "an xArm 7 that is not there",
        _emulator,
        _examine_emulator,
    ),
    "test": Verb("test [PYTEST ARGS]", "every check and every test, as CI runs them", checks.test),
    "check": Verb("check", "format, lint, types, architecture", _check),
    "bench": Verb("bench NAME [ARGS]", "run benchmarks/NAME.py", _bench, _examine_benchmark),
    "study": Verb(
        "study NAME [ARGS]", "run studies/NAME.py, which takes long", _study, _examine_study
    ),
    "shell": Verb("shell [-c COMMAND]", "a shell in which everything is found", _shell),
    "setup": Verb("setup", "only set up", _setup),
}
