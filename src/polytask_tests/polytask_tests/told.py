"""What a process tells about itself, as one JSON object a line, while a test goes on."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, TypeVar

PATIENCE = 120.0
# A robot and a learner end all their parts in this time [s].
GRACE = 20.0
Found = TypeVar("Found")


class Told:
    """A process that uses `tell`, and everything that it has told so far.

    Leaving the context closes its input, which is how it learns that it is to end.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start `command` in `environment`."""
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> "Told":
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, by force if it does not within GRACE seconds."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        _pipe(self._process.stdout).close()

    def ask(self, line: str) -> None:
        """Write a line to the process."""
        stream = _pipe(self._process.stdin)
        stream.write(f"{line}\n")
        stream.flush()

    def of(self, key: str, since: float = 0.0) -> list[dict[str, Any]]:
        """Return what was told that has `key`, from the monotonic time `since` on [s]."""
        return [one for one in list(self.told) if key in one and one["time"] >= since]

    def until(self, done: Callable[[], Found], patience: float = PATIENCE) -> Found:
        """Wait until `done` returns something true of what was told, and return that.

        Raise TimeoutError after `patience` seconds, or when the process tells nothing more.
        """
        deadline = time.monotonic() + patience
        with self._news:
            while not (found := done()):
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    newest = self.told[-1] if self.told else "nothing"
                    raise TimeoutError(f"not within {patience:g} s; told last: {newest}")
                self._news.wait(min(left, 0.5))
        return found

    def _read(self) -> None:
        for line in _pipe(self._process.stdout):
            with self._news:
                self.told.append(json.loads(line))
                self._news.notify_all()


def tell(**what: Any) -> None:
    """Print one object for whoever has started this process, with the monotonic time [s]."""
    print(json.dumps({"time": time.monotonic(), **what}), flush=True)


def heard() -> bool:
    """Tell whether something came in for this process, or its input was closed."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ValueError("the process was not started with a pipe there")
    return stream
