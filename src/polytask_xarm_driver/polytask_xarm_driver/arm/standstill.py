"""A stop that the controller could not be told is owed to it, and told again."""

import time

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.errors import ArmError

# How long after a stop that failed the next attempt is made [s].
AGAIN = 0.5


class Standstill:
    """Stops an arm's controller, and keeps in mind where that has failed.

    It is changed by one thread at a time; any may look. A controller that is not connected cannot
    be told anything: its own timeout has stopped it, and nothing is owed to it.
    """

    def __init__(self, arm: Arm) -> None:
        """Owe nothing to `arm`."""
        self._arm = arm
        self._owed, self._failure, self._tried = False, "", 0.0

    @property
    def sure(self) -> bool:
        """Whether there is no stop that a connected controller has not been told."""
        return not (self._owed and self._arm.connected)

    @property
    def complaint(self) -> str:
        """What to add to the reason of a stop that failed; empty when all is well."""
        if self.sure or not self._failure:
            return ""
        return f"; the controller has not been told to stop: {self._failure}"

    def owe(self, failure: str = "") -> None:
        """Have the controller stopped from now on; it was tried already if there is a `failure`."""
        self._owed, self._failure, self._tried = True, failure, time.monotonic()

    def forget(self) -> None:
        """Owe nothing any more: the controller was told something else since."""
        self._owed, self._failure = False, ""

    def stop(self) -> bool:
        """Stop the controller, and return whether it could be told; otherwise it is owed."""
        try:
            self._arm.stop()
        except ArmError as error:
            self.owe(str(error))
            return False
        self.forget()
        return True

    def catch_up(self) -> None:
        """Try again what is owed, but not all the time: a silent controller takes a second."""
        if not self.sure and time.monotonic() - self._tried > AGAIN:
            self.stop()
