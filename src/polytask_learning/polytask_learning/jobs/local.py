"""Jobs as processes of this machine."""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from polytask_learning.jobs.job import Finished, Job
from polytask_learning.jobs.leash import leashed

# A job that was asked to end is killed after so long [s].
GRACE = 5.0


class LocalExecutor:
    """Runs jobs side by side in processes that never outlive the thread that runs them."""

    def __init__(self, at_once: int) -> None:
        """Run at most `at_once` jobs at a time."""
        self._at_once = at_once

    def run(self, jobs: Sequence[Job]) -> Generator[Finished, None, None]:
        """Yield each job as it ends; see Executor."""
        waiting = deque(jobs)
        running: dict[int, _Attempt] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._at_once:
                    job = waiting.popleft()
                    try:
                        attempt = _Attempt(job)
                    except OSError as error:
                        yield Finished(job, 1, 0.0, str(error))
                        continue
                    running[attempt.descriptor] = attempt
                for descriptor in wait(list(running)):
                    if isinstance(descriptor, int):
                        yield running.pop(descriptor).finished()
        finally:
            _end(running.values())


class _Attempt:
    """A job that runs."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._log = Path(job.log)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            # What it says comes after what earlier attempts have said.
            self._begin = log.tell()
            self._began = time.monotonic()
            # A session of its own: Ctrl-C reaches the parent alone, which then ends its jobs.
            self.process = subprocess.Popen(
                leashed(job.command),
                cwd=job.folder,
                env={**os.environ, **job.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.descriptor = os.pidfd_open(self.process.pid)

    def finished(self) -> Finished:
        """Wait for the end, and say how it was."""
        status = self.process.wait()
        os.close(self.descriptor)
        seconds = time.monotonic() - self._began
        return Finished(self._job, status, seconds, self._problem(status))

    def _problem(self, status: int) -> str:
        if status < 0:
            return f"ended by signal {-status} ({signal.strsignal(-status)})"
        if status == 0:
            return ""
        with self._log.open("rb") as log:
            log.seek(self._begin)
            lines = log.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("polytask: ") if said else f"ended with status {status}"


def _end(attempts: Iterable[_Attempt]) -> None:
    """End all of them, by force where asking does not help."""
    left = list(attempts)
    for attempt in left:
        attempt.process.terminate()
    until = time.monotonic() + GRACE
    for attempt in left:
        try:
            attempt.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            attempt.process.kill()
        attempt.finished()
