"""One line a step with its elapsed time, its whole output in a log, and its cause when it fails."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from workspace.failure import SetupError

_LINES_OF_CAUSE = 10
# pip calls a network that is not there a retry, and then says that there is no such version.
_SAYS_WHY = re.compile(r"^\s*(WARNING: Retrying|ERROR|E:|CMake Error|fatal:|.*\b[Ee]rror:)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Progress:
    """A running step. As a context manager it prints the step's line; `call` runs its commands."""

    def __init__(self, label: str, log: Path, lock: int) -> None:
        """Name the step as its line will, and say where its output goes and which lock it holds."""
        self._label = label
        self._log = log
        self._lock = lock
        self._notes: list[str] = []
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Start the line, and the log."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_bytes(b"")
        print(f"{self._label} … ", end="", file=sys.stderr, flush=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the line."""
        ending = "" if kind is None else " (not finished)"
        self._show(f"{time.monotonic() - self._began:.0f} s{ending}\n")
        for note in self._notes:
            print(f"run: {note}", file=sys.stderr)

    def call(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Run a command to its end. Raises SetupError with the cause when it fails."""
        self.check(self.attempt(command, environment))

    def check(self, status: int) -> None:
        """Raise SetupError with the cause that the log tells, unless `status` is success."""
        if status != 0:
            output = self._log.read_text(errors="replace")
            title = self._label.partition("] ")[2]
            raise SetupError(f"{title} failed\n{cause(output)}\n  log: {self._log}")

    def note(self, text: str) -> None:
        """Say something on lines of its own once the step's line has ended."""
        self._notes.append(text)

    def attempt(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> int:
        """Run a command to its end and return its exit status."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[self._lock],
                start_new_session=True,
            )
            try:
                return self._wait(process)
            finally:
                if process.poll() is None:
                    # The whole session: a compiler must not outlive the build it was started by.
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait()

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if sys.stderr.isatty():
                    self._show(f"{time.monotonic() - self._began:.0f} s")

    def _show(self, ending: str) -> None:
        line = f"\r{self._label} … {ending}" if sys.stderr.isatty() else ending
        print(line, end="", file=sys.stderr, flush=True)


def cause(output: str) -> str:
    """Pick the lines of a failed output that say why: from its first error on, or the last ones."""
    lines = [_COLOUR.sub("", line).rstrip() for line in output.splitlines()]
    lines = [line for line in lines if line]
    first = next((at for at, line in enumerate(lines) if _SAYS_WHY.match(line)), None)
    start = -_LINES_OF_CAUSE if first is None else first
    said = lines[start:][:_LINES_OF_CAUSE]
    return "\n".join(f"  {line}" for line in said)
