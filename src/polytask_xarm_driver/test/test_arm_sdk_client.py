"""The SDK's many ways to say that something failed, each as one error."""

import math
import struct
from types import SimpleNamespace

import pytest

from polytask_xarm_driver.arm.errors import ArmError, ArmLost
from polytask_xarm_driver.arm.pose import REST
from polytask_xarm_driver.arm.sdk_client import SdkArm


@pytest.fixture
def arm():
    return SdkArm("127.0.0.1", 1.0, lambda: None)


def answering(arm, **answers):
    """Let the SDK answer so."""
    api = SimpleNamespace(**{name: lambda *_, a=a, **__: a for name, a in answers.items()})
    arm._motion._api = arm._service._api = api


@pytest.mark.parametrize("address", ["robot", "192.168.1", "/dev/ttyUSB0", "127.0.0.1:502", ""])
def test_what_the_sdk_would_take_for_a_serial_device_is_no_address(address):
    with pytest.raises(ArmError, match="valid: four numbers"):
        SdkArm(address, 1.0, lambda: None)


def test_nothing_can_be_asked_before_connecting(arm):
    assert not arm.connected
    assert (arm.feedback, arm.health, arm.serial) == (None, None, "")
    with pytest.raises(ArmLost, match="not connected"):
        arm.stop()
    arm.close()


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (-1, ArmLost, "did not answer"),
        (3, ArmLost, "did not answer"),
        (1, ArmError, "because of an error"),
        (9, ArmError, "not ready for vc_set_cartesian_velocity"),
        (7, ArmError, "code 7"),
    ],
)
def test_a_velocity_that_is_not_taken_is_an_error(arm, answer, kind, sentence):
    answering(arm, vc_set_cartesian_velocity=answer)
    with pytest.raises(kind, match=sentence):
        arm.move(REST, 0.15)


@pytest.mark.parametrize("answer", [102, (0, None), (1, 400), (-1, "xArm is not connect")])
def test_an_opening_that_is_not_told_is_an_error(arm, answer):
    answering(arm, get_gripper_position=answer)
    with pytest.raises(ArmError):
        arm.opening()


def test_an_opening_is_told_in_metres(arm):
    answering(arm, get_gripper_position=(0, 425))
    assert arm.opening() == pytest.approx(0.042)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("part", "place"), [("cartesian", 0), ("cartesian", 4), ("joints", 6)])
def test_a_report_that_is_not_finite_is_as_good_as_none(bad, part, place):
    seen = []
    arm = SdkArm("127.0.0.1", 1.0, lambda: seen.append(arm.feedback))
    api = SimpleNamespace(joints_torque=[0.0] * 7, mode=5)
    report = {"joints": [0.1] * 7, "cartesian": [400.0, 0.0, 300.0, 3.1, 0.0, 0.0], "state": 2}
    arm._see_tool(api, report)
    spoilt = {**report, part: list(report[part])}
    spoilt[part][place] = bad
    arm._see_tool(api, spoilt)
    assert len(seen) == 1
    assert arm.feedback is seen[0]
    assert arm.feedback.pose.position.tolist() == [0.4, 0.0, 0.3]


@pytest.mark.parametrize("error", [ValueError("x"), IndexError("x"), struct.error("x")])
def test_an_answer_that_cannot_be_read_is_an_error(arm, error):
    def fail():
        raise error

    answering(arm)
    arm._service._api.get_err_warn_code = fail
    with pytest.raises(ArmError, match="answer to get_err_warn_code cannot be read"):
        arm.fault()


@pytest.mark.parametrize("states", [[1], [], [1, None, 250, 2.0, [], 1, 0], [1] * 7])
def test_limits_that_cannot_be_read_are_an_error(arm, states):
    answering(arm, get_reduced_states=(0, states))
    arm._service._api.tcp_load, arm._service._api.tcp_offset = (0.8, [0, 0, 48]), [0.0] * 6
    with pytest.raises(ArmError, match="limits cannot be read"):
        arm.read_limits(anew=False)


def test_who_asks_while_another_thread_disconnects_has_lost_the_arm(arm):
    def fail():
        # What the SDK's own methods do then.
        return None.gripper_modbus_get_pos()

    answering(arm)
    arm._service._api.get_gripper_position = fail
    with pytest.raises(ArmLost, match="did not answer get_gripper_position"):
        arm.opening()


def test_a_gripper_at_another_speed_is_refused_and_nothing_is_changed(arm):
    answering(arm, get_rs485_baudrate=(0, 115200))
    with pytest.raises(ArmError, match="at 115200 baud; valid: 2000000"):
        arm.enable_gripper()
