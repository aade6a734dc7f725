"""Who stands by an emulated arm brings it back, and says what had stopped it."""

from contextlib import closing

import pytest

from polytask_learning.ros.arm_operator import ArmOperator
from polytask_msgs.msg import ArmStatus
from polytask_tests.robot_under_test import RobotUnderTest

pytestmark = pytest.mark.timeout(180)


def test_an_arm_that_stops_is_recovered_and_one_that_cannot_be_is_told_of_once():
    said = []
    with (
        RobotUnderTest("/operated", waits=False) as robot,
        closing(ArmOperator(robot.namespace, said.append)),
    ):
        robot.until(lambda: robot.phase == ArmStatus.READY)
        for _ in range(2):
            said.clear()
            robot.set_fault("error", 31)
            robot.until(lambda: said and said[-1].endswith("; it was recovered"))
            robot.until(lambda: robot.phase == ArmStatus.READY)
            assert any("controller error 31" in one for one in said)
        said.clear()
        robot.set_fault("emergency_stop", True)
        robot.until(lambda: said)
        # Time for two more attempts.
        robot.spin(5.0)
        assert robot.phase == ArmStatus.STOPPED
        assert "emergency stop" in said[0]
        assert "; it cannot be recovered: " in said[0]
        assert said.count(said[0]) == 1
        robot.set_fault("emergency_stop", False)
        robot.until(lambda: said[-1].endswith("; it was recovered"))
        robot.until(lambda: robot.phase == ArmStatus.READY)
