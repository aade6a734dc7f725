"""What the words of `polytask learn` about many tasks mean."""

import os
from collections.abc import Sequence

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.suites import Suite
from polytask_learning.jobs.job import Executor
from polytask_learning.jobs.local import LocalExecutor
from polytask_learning.jobs.on_ray import RayExecutor

ALL, AUTO = "all", "auto"
LOCAL, RAY = EXECUTORS = ("local", "ray")


def workers(text: str) -> int:
    """Return how many learners may run at once: a number, or for `auto` that of usable CPUs."""
    return len(os.sched_getaffinity(0)) if text == AUTO else argument_types.positive(text)


def tasks_of(words: Sequence[str], suite: Suite) -> tuple[str, ...]:
    """Return the tasks that `words` name, each once; `all` are those of the suite.

    Raise UsageError for a task that the suite does not have.
    """
    meant = [one for word in words for one in (suite.tasks if word == ALL else (word,))]
    tasks = tuple(dict.fromkeys(meant))
    for task in tasks:
        if task not in suite.tasks:
            valid = ", ".join(suite.tasks)
            raise UsageError(f"there is no task {task!r}; valid: {valid}; or {ALL}")
    return tasks


def executor_of(name: str, at_once: int) -> Executor:
    """Return the executor called `name`, one of EXECUTORS; raise RayMissing without ray.

    A cluster of Ray knows its CPUs, so `at_once` is for this machine alone.
    """
    return RayExecutor() if name == RAY else LocalExecutor(at_once)
