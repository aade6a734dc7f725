"""Something long that a node has done beside its executor."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from polytask_contract.errors import PolyTaskError
from polytask_ros.until import Until

Done = TypeVar("Done")


class Cancelled(PolyTaskError):
    """Somebody asked for the end of what was under way."""


class Work(Generic[Done]):
    """A computation in a thread of its own, which a node awaits and may cancel.

    It ends early only where it calls `check`. A timer of the node must wake its executor now and
    then: what is awaited is looked at whenever that wakes.
    """

    def __init__(self) -> None:
        """Prepare; nothing runs yet."""
        self._asked = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1)

    def check(self) -> None:
        """Raise Cancelled if that was asked for; to be called by the computation, often."""
        if self._asked.is_set():
            raise Cancelled("cancelled")

    def pause(self, seconds: float) -> None:
        """Let the computation wait; raise Cancelled as soon as that is asked for."""
        self._asked.wait(seconds)
        self.check()

    def cancel(self) -> None:
        """Ask for the end."""
        self._asked.set()

    async def outcome(self, compute: Callable[[], Done]) -> Done:
        """Let the thread `compute` something; return that, or raise what it raised."""
        future = self._thread.submit(compute)
        await Until(future.done)
        return future.result()

    def close(self) -> None:
        """Cancel, and wait for the end."""
        self.cancel()
        self._thread.shutdown()
