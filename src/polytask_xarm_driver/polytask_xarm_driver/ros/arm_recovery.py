"""A recovery of the arm while its node goes on."""

import threading
from typing import Any

from polytask_msgs.action import RecoverArm
from polytask_xarm_driver.arm.driver import ArmDriver
from polytask_xarm_driver.arm.errors import ArmError


class Recovery(threading.Thread):
    """A recovery in a thread of its own, as it takes a second or more."""

    def __init__(self, driver: ArmDriver) -> None:
        """Begin to recover the arm of `driver`."""
        super().__init__(name="arm recovery", daemon=True)
        self._driver, self._phase, self._told = driver, "", ""
        self.failure = ""
        self.start()

    def run(self) -> None:
        """Recover; `failure` is why not, in one sentence, whatever was raised."""
        try:
            self._driver.recover(self._report)
        except ArmError as error:
            self.failure = str(error)
        except BaseException as error:
            # Nobody foresaw it, but a success it is not; where it came from is told by the thread.
            self.failure = f"{type(error).__name__}: {error}"
            raise

    def _report(self, phase: str) -> None:
        self._phase = phase

    def tell(self, handle: Any) -> bool:
        """Send what is new as feedback of a goal; return whether the recovery is over."""
        if self._phase != self._told:
            self._told = self._phase
            handle.publish_feedback(RecoverArm.Feedback(phase=self._told))
        return not self.is_alive()
