"""What is done to an arm before it follows commands."""

import time
from collections.abc import Callable

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.attendant import Attendant
from polytask_xarm_driver.arm.errors import ArmError
from polytask_xarm_driver.arm.pursuit import Pursuit
from polytask_xarm_driver.arm.settings import Settings
from polytask_xarm_driver.arm.watch import Watch

# How long the controller may take to report what it was told [s].
PATIENCE = 2.0
LOOK_AGAIN = 0.01


class Preparation:
    """Connects an arm, clears its errors, limits it and enables it; nothing here moves it.

    Every call may take seconds, and raises ArmError when what it is for has not come about.
    """

    def __init__(
        self, arm: Arm, settings: Settings, watch: Watch, attendant: Attendant, pursuit: Pursuit
    ) -> None:
        """Prepare `arm`; `attendant` and `pursuit` are told what has become of it."""
        self._arm, self._settings, self._watch = arm, settings, watch
        self._attendant, self._pursuit = attendant, pursuit

    def connect(self) -> None:
        """Connect and set the limits, with the motors off; one with an error takes no limits."""
        self._arm.connect()
        if not self._arm.fault()[0]:
            self.keep_limits()
        self._arm.disable()

    def connect_again(self, progress: Callable[[str], None]) -> None:
        """Connect once more if the controller has fallen silent."""
        if self._watch.silence(time.monotonic()):
            progress("connecting again")
            self._arm.close()
            self._arm.connect()

    def keep_limits(self) -> None:
        """Set the limits and read them back."""
        self._arm.set_limits(self._settings.limits)
        found = self._settings.limits.difference(self._arm.read_limits(anew=True))
        if found:
            raise ArmError(found)
        self._attendant.forget()

    def enable(self) -> None:
        """Switch motors and gripper on, and begin where the tool is."""
        self._arm.enable()
        if self._settings.gripper:
            self._arm.enable_gripper()
        deadline = time.monotonic() + PATIENCE
        while trouble := self._watch.trouble(time.monotonic()):
            if time.monotonic() > deadline:
                self._watch.check_fault()
                raise ArmError(trouble)
            time.sleep(LOOK_AGAIN)
        self._watch.check_fault()
        self._pursuit.begin(self._watch.report().pose)

    def recover(self, progress: Callable[[str], None], *, enabled: bool) -> None:
        """Clear the controller's error, set the limits, and switch the motors on if `enabled`."""
        self.connect_again(progress)
        progress("clearing the controller's error")
        self._arm.clear()
        self._watch.check_fault()
        progress("setting the limits and reading them back")
        self.keep_limits()
        if enabled:
            progress("enabling the arm")
            self.enable()
        else:
            self._arm.disable()
