"""Following the newest command while it counts, and running down to rest when there is none."""

import time
from collections.abc import Callable

from polytask_xarm_driver.arm.commands import Commands
from polytask_xarm_driver.arm.follower import Follower
from polytask_xarm_driver.arm.pose import Pose, Twist
from polytask_xarm_driver.arm.settings import Settings


class Pursuit:
    """Says what velocity to send next. One thread steps; `commands` may be fed from others."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        """Follow nothing yet."""
        self.commands = Commands(settings.command_timeout, now)
        self._follower = Follower(settings.motion, settings.period, settings.feedback_delay)
        self._controller_timeout, self._now = settings.controller_timeout, now
        self._stepped = now()
        # Whether there is a command that counts.
        self.following = False

    @property
    def still(self) -> bool:
        """Whether the velocity that was said last is zero."""
        return self._follower.sent.still

    def begin(self, pose: Pose) -> None:
        """Stand still at `pose` and forget the command, not what was counted."""
        self.commands.forget("the arm stood still")
        self._follower.rest(pose)
        self._stepped, self.following = self._now(), False

    def step(self, measured: Pose, *, easing: bool) -> Twist | None:
        """Return the velocity to send, with the tool at `measured`; None when none is needed.

        While `easing` the arm runs down to rest whatever was commanded.
        """
        now = self._now()
        elapsed, self._stepped = now - self._stepped, now
        target = None if easing else self.commands.newest()
        self.following = target is not None
        if elapsed > self._controller_timeout or (target is None and self.still):
            # The controller has stopped by itself, or nothing is to be followed.
            self._follower.rest(measured)
        stood = self.still
        twist = self._follower.step(target, measured, elapsed)
        return None if stood and twist.still else twist
