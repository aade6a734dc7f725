"""What is wrong with the arm, as far as its controller's reports and silence tell."""

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.errors import ArmError, ArmLost
from polytask_xarm_driver.arm.faults import describe
from polytask_xarm_driver.arm.feedback import RUNNING, VELOCITY_MODE, Feedback

# Errors and temperatures come five times a second; without them for so long they are unknown [s].
HEALTH_TIMEOUT = 2.0


class Watch:
    """Looks at an arm's reports; times are on the monotonic clock."""

    def __init__(self, arm: Arm, feedback_timeout: float) -> None:
        """Count `arm` as silent when its tool was not reported for `feedback_timeout` [s]."""
        self._arm, self._feedback_timeout = arm, feedback_timeout

    def report(self) -> Feedback:
        """Return the newest report of the tool; raise ArmLost when there is none."""
        report = self._arm.feedback
        if report is None:
            raise ArmLost("the controller has not reported where the tool is")
        return report

    def silence(self, now: float) -> str:
        """Return what the controller no longer tells, in one sentence; empty for nothing."""
        report, health = self._arm.feedback, self._arm.health
        if not self._arm.connected:
            return "the connection to the controller is lost"
        if report is None or now - report.at > self._feedback_timeout:
            return f"no report of the tool came for {self._feedback_timeout:g} s"
        if health is None or now - health.at > HEALTH_TIMEOUT:
            return f"no report of errors came for {HEALTH_TIMEOUT:g} s"
        return ""

    def trouble(self, now: float) -> str:
        """Return why the arm cannot follow commands, in one sentence; empty when it can."""
        if silence := self.silence(now):
            return silence
        report, health = self.report(), self._arm.health
        if health is not None and health.error:
            return describe(health.error)
        if report.state not in RUNNING:
            return (
                f"the controller was stopped by itself or by another client: state {report.state}"
            )
        if report.mode != VELOCITY_MODE:
            return f"the controller was put into mode {report.mode}; valid: {VELOCITY_MODE}"
        return ""

    def explained(self, trouble: str) -> str:
        """Return the controller's error, which says most, or `trouble` where it tells none.

        It is asked for, as the reports have it later than what comes of it; not where there is no
        `trouble`.
        """
        try:
            error = self._arm.fault()[0] if trouble else 0
        except ArmError:
            error = 0
        return describe(error) if error else trouble

    def check_fault(self) -> None:
        """Ask the controller for its error; raise ArmError for one."""
        error, _ = self._arm.fault()
        if error:
            raise ArmError(describe(error))
