"""A world's reset while it happens, between an executor's other work."""

from collections.abc import Callable, Generator
from typing import Any

import dm_env

from polytask_contract.errors import ResetFailed
from polytask_msgs.action import ResetEnvironment


class SteppedReset:
    """Awaits a reset, a step each time the executor wakes, which is when rclpy resumes a coroutine.

    The result is the first time step, or None when the client cancelled.
    """

    def __init__(
        self,
        handle: Any,
        steps: Generator[Any, None, dm_env.TimeStep],
        stop: Callable[[str], None],
    ) -> None:
        """Report the progress of `steps` to the goal's `handle`; `stop` makes the world stand."""
        self._handle, self._steps, self._stop = handle, steps, stop
        self._halted = ""

    def halt(self, reason: str) -> None:
        """Let the world stand now, and the reset fail for `reason` where it would go on."""
        self._give_up(reason)
        self._halted = reason

    def __await__(self) -> Generator[None, None, dm_env.TimeStep | None]:
        """Run the reset; raise ResetFailed when it fails or is halted."""
        while not self._handle.is_cancel_requested:
            if self._halted:
                raise ResetFailed(f"the reset was halted: {self._halted}")
            try:
                phase, share = next(self._steps)
            except StopIteration as done:
                timestep: dm_env.TimeStep = done.value
                return timestep
            feedback = ResetEnvironment.Feedback(phase=phase, progress=share)
            self._handle.publish_feedback(feedback)
            yield
        self._give_up("the reset was cancelled")
        return None

    def _give_up(self, reason: str) -> None:
        self._steps.close()
        self._stop(reason)
