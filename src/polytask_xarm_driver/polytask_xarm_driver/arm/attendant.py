"""What needs no haste, in a thread and on a connection of its own: the gripper, and the limits."""

import math
import time
from typing import NamedTuple

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.errors import ArmError
from polytask_xarm_driver.arm.periodic import Periodic
from polytask_xarm_driver.arm.settings import Settings

PERIOD = 0.1
# How often the limits are read back while nobody has changed them [s].
LIMITS_PERIOD = 1.0
# For how long they may be asked for in vain, again and again [s].
LONGEST_UNREAD = 3 * LIMITS_PERIOD
# Fingers that shall be less than this nearer or wider are left alone [m].
SAME_OPENING = 1e-4


class Wish(NamedTuple):
    """How far apart [m] the fingers shall be, and when that was said, on the monotonic clock."""

    opening: float
    came: float


class Attendant:
    """Sends the gripper where it is wanted, and looks whether the controller keeps its limits.

    The gripper's calls go through the arm's cable and take long; here they delay no motion.
    """

    def __init__(self, arm: Arm, settings: Settings) -> None:
        """Attend to `arm`, which is to keep the limits of `settings`, and to its gripper, if any.

        What is wanted of the gripper counts for as long as a command does.
        """
        self._arm, self._settings = arm, settings
        self._thread: Periodic | None = None
        self._looked, self._settings_made = 0.0, 0
        # Since when the limits are asked for in vain; 0 while they are answered.
        self._unread_since = 0.0
        # Replaced as a whole, as another thread wants what this one sends.
        self._wish: Wish | None = None
        self._sent = math.nan
        # Whether the fingers may be moved.
        self.may_grip = False
        # How far they are apart [m]; NaN when that is not known.
        self.opening = math.nan
        # Why the gripper does not do what it should; empty for nothing.
        self.trouble = ""
        # Which limit the controller no longer keeps, or why nobody knows; empty when all is well.
        self.limits_trouble = ""

    def start(self) -> None:
        """Begin to attend."""
        self._thread = Periodic("arm attendant", PERIOD, self.tick)

    def end(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.end()
            self._thread = None
        self.opening = math.nan

    def forget(self) -> None:
        """Begin anew: the limits were set, and the gripper may have been moved by others."""
        self._wish, self._sent = None, math.nan
        # What was read before this was read too early.
        self._settings_made += 1
        self.limits_trouble, self._unread_since = "", 0.0
        self._looked = time.monotonic()

    def want(self, opening: float) -> None:
        """Let the fingers be `opening` [m] apart; NaN leaves them as they are."""
        if not math.isnan(opening):
            self._wish = Wish(opening, time.monotonic())

    def leave(self) -> None:
        """Leave the fingers where they are, whatever was wanted and not sent yet."""
        self._wish = None

    def tick(self) -> None:
        """Do what is due."""
        if not self._arm.connected:
            self.opening = math.nan
            return
        if self._settings.gripper:
            self._attend_gripper()
        if time.monotonic() - self._looked > LIMITS_PERIOD:
            self._attend_limits()

    def _attend_gripper(self) -> None:
        try:
            wanted = self._wanted()
            if self.may_grip and self._differs(wanted):
                self._arm.grip(wanted)
                self._sent = wanted
            self.opening = self._arm.opening()
            self.trouble = ""
        except ArmError as error:
            self.opening, self.trouble = math.nan, str(error)

    def _wanted(self) -> float:
        """Return the opening that is wanted [m]; NaN when none is, or none for too long."""
        wish = self._wish
        if wish is None or time.monotonic() - wish.came > self._settings.command_timeout:
            return math.nan
        return wish.opening

    def _differs(self, wanted: float) -> bool:
        if math.isnan(wanted) or math.isnan(self._sent):
            return not math.isnan(wanted)
        return abs(wanted - self._sent) > SAME_OPENING

    def _attend_limits(self) -> None:
        made, asked = self._settings_made, time.monotonic()
        try:
            found = self._arm.read_limits(anew=False)
        except ArmError as error:
            # One question may go astray; where none is answered, the arm is not known to be safe.
            if made == self._settings_made:
                self._miss_limits(asked, error)
            return
        if made == self._settings_made:
            self._looked, self._unread_since = time.monotonic(), 0.0
            self.limits_trouble = self._settings.limits.difference(found)

    def _miss_limits(self, asked: float, error: ArmError) -> None:
        self._unread_since = self._unread_since or asked
        if time.monotonic() - self._unread_since > LONGEST_UNREAD:
            self.limits_trouble = (
                f"the controller's limits could not be read back for {LONGEST_UNREAD:g} s: {error}"
            )
