"""The learners of many tasks, side by side: `polytask learn` once for each."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from polytask_contract.cli.verb import UsageError
from polytask_learning.jobs.job import Executor, Finished, Job

# Not `-m`: the command is an entry point, whose script another machine may keep elsewhere.
POLYTASK = (
    sys.executable,
    "-P",
    "-c",
    "import sys; from polytask_contract.cli.command import main; sys.exit(main())",
)
# What decides on where Python finds its modules and how it draws; nothing else leaves this process.
PASSED_ON = ("LD_LIBRARY_PATH", "MUJOCO_GL", "PATH", "PYOPENGL_PLATFORM", "PYTHONPATH")
METRICS, SUCCESS = "metrics.jsonl", "evaluation/held"
# What each learner is told otherwise, or must not be told.
NOT_SHARED = {"task", "output", "jobs", "executor"}


class Learnt(NamedTuple):
    """What came of one task; `success` in 0 to 1 and `steps` are None before any evaluation."""

    task: str
    success: float | None
    steps: int | None
    problem: str


def learn_many(
    folders: Mapping[str, Path],
    options: argparse.Namespace,
    executor: Executor,
    tell: Callable[[str], None],
) -> int:
    """Learn each task into its folder, and return 0 when all are learnt, 1 otherwise.

    `options` are those of `polytask learn`, of which every learner gets the same. What a learner
    says is added to FOLDER.log. `tell` is told a line as each task ends, then a table of all.
    Ctrl-C and SIGTERM end the learners, too, and leave runs that a second call goes on with.
    """
    words = _words(options)
    jobs = [_job(task, folder.absolute(), words) for task, folder in folders.items()]
    results: dict[str, Learnt] = {}
    with _sigterm_raises(), closing(executor.run(jobs)) as ended:
        for one in ended:
            task = one.job.name
            results[task] = result = _result(one, folders[task])
            said = f"failed: {result.problem}" if result.problem else f"success {_rate(result)}"
            tell(f"{task}: {said}, {one.seconds:.0f} s")
    tell(_table([results[task] for task in folders]))
    return 1 if any(result.problem for result in results.values()) else 0


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM unwind this process, which ends what it has started."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers, and only there they run.
        yield
        return

    def end(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _words(options: argparse.Namespace) -> list[str]:
    """Return the words of a command line that gives these options, but for those NOT_SHARED."""
    words: list[str] = []
    for name, value in sorted(vars(options).items()):
        word = "--" + name.replace("_", "-")
        if name in NOT_SHARED or value is None:
            continue
        if isinstance(value, bool):
            words.append(word if value else f"--no-{word[2:]}")
        elif isinstance(value, str | int | float | Path):
            words.append(f"{word}={value}")
        else:
            raise UsageError(f"{word} {value!r} is for one task; valid: text and numbers")
    return words


def _job(task: str, folder: Path, words: Sequence[str]) -> Job:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return Job(
        name=task,
        command=(*POLYTASK, "learn", *words, f"--task={task}", f"--output={folder}"),
        # Threads beyond the one of each learner would only wait for each other.
        environment=environment | {"OMP_NUM_THREADS": "1"},
        folder=str(Path.cwd()),
        # A run's folder is begun empty, so the log is beside it.
        log=f"{folder}.log",
    )


def _result(ended: Finished, folder: Path) -> Learnt:
    """Return how far a run has come: the best success so far, and the newest steps told."""
    path = folder / METRICS
    told = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            told.append(json.loads(line))
        except json.JSONDecodeError:
            # A killed learner leaves its last line unfinished.
            continue
    rates = [metrics[SUCCESS] for metrics in told if SUCCESS in metrics]
    steps = [int(metrics["steps"]) for metrics in told]
    return Learnt(ended.job.name, max(rates, default=None), max(steps, default=None), ended.problem)


def _rate(result: Learnt) -> str:
    return "-" if result.success is None else f"{result.success:.0%}"


def _table(results: Sequence[Learnt]) -> str:
    width = max(len("task"), *(len(result.task) for result in results))
    lines = [f"{'task':<{width}} {'success':>7} {'steps':>7} state"]
    for result in results:
        steps = "-" if result.steps is None else result.steps
        state = f"failed: {result.problem}" if result.problem else "learned"
        lines.append(f"{result.task:<{width}} {_rate(result):>7} {steps:>7} {state}")
    return "\n".join(lines)
