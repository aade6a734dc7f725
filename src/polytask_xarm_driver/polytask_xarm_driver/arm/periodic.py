"""A thread that does one thing again and again."""

import os
import signal
import threading
import time
from collections.abc import Callable


class Periodic:
    """Calls a function every period, on the monotonic clock, until it is ended.

    A call that took too long is not made up for. An unexpected exception tells the process to end:
    nobody may go on believing in a thread that is no more.
    """

    def __init__(self, name: str, period: float, call: Callable[[], None]) -> None:
        """Begin to call `call`, every `period` seconds, in a thread called `name`."""
        self._period, self._call = period, call
        self._wake = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Make the next call now."""
        self._wake.set()

    def end(self) -> None:
        """End the thread, and wait for the call that it is in."""
        self._ending = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending:
            try:
                self._call()
            except Exception:
                os.kill(os.getpid(), signal.SIGTERM)
                raise
            due = max(due + self._period, time.monotonic())
            if self._wake.wait(max(0.0, due - time.monotonic())):
                self._wake.clear()
                due = time.monotonic()
