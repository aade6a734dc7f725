"""A command to be run, what became of it, and what runs many of them."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Job:
    """A command, and all that its process is given; places are strings, the same anywhere.

    `environment` is added to what the runner has; `folder` is where the command begins. What it
    says, errors too, is added to the end of `log`.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    log: str


@dataclass(frozen=True)
class Finished:
    """How a job ended.

    `status` is that of the process, -N when signal N ended it. `seconds` [s] is how long it ran.
    `problem` is one sentence about what went wrong, "" for status 0.
    """

    job: Job
    status: int
    seconds: float
    problem: str


class Executor(Protocol):
    """Runs jobs."""

    def run(self, jobs: Sequence[Job]) -> Generator[Finished, None, None]:
        """Yield each job as it ends, whatever became of the others.

        Closing the iterator, or an exception while it waits, ends every job that still runs. So
        does the end of this process, even by SIGKILL.
        """
