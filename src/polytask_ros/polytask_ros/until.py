"""Waiting for a condition in a node of one thread."""

import time
from collections.abc import Callable, Generator


class Until:
    """Awaits a condition in rclpy's executor, which resumes a coroutine each time it wakes.

    So a timer must wake it, or what the condition looks at. The result tells whether the condition
    came true before `timeout` seconds had passed; None: it waits for ever.
    """

    def __init__(self, condition: Callable[[], object], timeout: float | None = None) -> None:
        """Wait for `condition` to return something true."""
        self._condition = condition
        self._timeout = timeout

    def __await__(self) -> Generator[None, None, bool]:
        """Look at the condition each time that something happened."""
        begun = time.monotonic()
        while not self._condition():
            if self._timeout is not None and time.monotonic() - begun > self._timeout:
                return False
            yield
        return True
