"""What the arm's node makes of parameters, and of what the arm tells."""

import math
from dataclasses import replace

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from hypothesis import given
from hypothesis import strategies as st

from polytask_msgs.msg import ArmStatus, ToolCommand
from polytask_ros.parameters import InvalidParameter, read_schema
from polytask_xarm_driver.arm.feedback import Feedback
from polytask_xarm_driver.arm.health import Health
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import from_quaternion, turn
from polytask_xarm_driver.arm.status import Status
from polytask_xarm_driver.ros.arm_diagnostics import diagnose
from polytask_xarm_driver.ros.arm_messages import (
    command_of,
    joint_state,
    pose_stamped,
    status_message,
)
from polytask_xarm_driver.ros.arm_settings import settings_of

DEFAULTS = {
    entry.name: entry.default for entry in read_schema("polytask_xarm_driver.ros", "arm.yaml")
}
READY = Status(
    phase=Phase.READY,
    reason="",
    moving=True,
    mode=5,
    state=1,
    error=0,
    warning=0,
    command_age=0.02,
    refused=3,
    refusal="too far",
    expired=2,
    opening=0.03,
    gripper_trouble="",
)
COOL = Health(0.0, 0, 0, (30.0,) * 7)


def test_every_limit_is_on_by_default():
    settings = settings_of(DEFAULTS)
    limits, bounds = settings.limits, settings.commands
    assert limits.reduced_mode
    assert limits.fence
    assert limits.sensitivity > 0
    assert settings.controller_timeout == settings.command_timeout == 0.15
    assert bounds.jump <= bounds.step
    # The controller's own limits are wider than ours, or it would stop an arm that behaves.
    assert limits.tool_speed > settings.motion.speed
    assert all(map(float.__lt__, limits.boundary_low, bounds.low))
    assert all(map(float.__gt__, limits.boundary_high, bounds.high))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"workspace.low": [0.7, -0.35, 0.02]}, r"workspace.low is \[0.7, .*valid: each number"),
        ({"controller.joints_high": [-7.0] * 7}, r"joints_low is .* and controller.joints_high is"),
        (
            {"rate": 20.0, "controller_timeout": 0.06},
            "controller_timeout is 0.06 s at a rate of 20",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes, sentence):
    with pytest.raises(InvalidParameter, match=sentence):
        settings_of({**DEFAULTS, **changes})


def test_a_status_says_the_same_as_its_message():
    message = status_message(READY)
    assert (message.phase, message.error_code, message.refusal) == (ArmStatus.READY, 0, "too far")
    assert message.opening == READY.opening
    assert {phase.name: phase.value for phase in Phase} == {
        name: getattr(ArmStatus, name) for name in Phase.__members__
    }


@given(st.tuples(*[st.floats(-1.0, 1.0)] * 3), st.tuples(*[st.floats(-1.7, 1.7)] * 3))
def test_a_pose_is_the_same_after_a_message(position, vector):
    pose = Pose(position, turn(np.array(vector)))
    message = ToolCommand(pose=pose_stamped(pose).pose, opening=math.nan)
    command = command_of(message, 0.1)
    assert command.position == position
    assert command.age == 0.1
    assert np.allclose(from_quaternion(command.quaternion), pose.rotation, atol=1e-6)


def test_joints_are_called_as_in_the_urdf_and_the_gripper_only_while_it_is_known():
    report = Feedback(0.0, (0.1,) * 7, (1.0,) * 7, Pose([0, 0, 0], np.eye(3)), 5, 2)
    message = joint_state(report, math.nan)
    assert message.name == [f"joint{number}" for number in range(1, 8)]
    message = joint_state(report, 0.084)
    assert message.name[7:] == ["drive_joint"]
    assert message.position[7] == pytest.approx(0.0)
    assert len(message.name) == len(message.position) == len(message.effort)


def levels(status=READY, health=COOL):
    found = diagnose(status, health, "robot/arm", "XS1", 65.0)
    assert {each.hardware_id for each in found} == {"XS1"}
    return {each.name: each.level for each in found}


def test_a_well_arm_is_well_in_every_part():
    assert levels() == {
        f"robot/arm: {part}": DiagnosticStatus.OK
        for part in ("controller", "temperature", "commands", "gripper")
    }


@pytest.mark.parametrize(
    ("part", "status", "health", "level"),
    [
        ("controller", {"phase": Phase.STOPPED}, COOL, DiagnosticStatus.ERROR),
        ("controller", {"error": 31}, COOL, DiagnosticStatus.ERROR),
        ("controller", {"warning": 11}, COOL, DiagnosticStatus.WARN),
        ("controller", {"phase": Phase.OFFLINE}, COOL, DiagnosticStatus.STALE),
        ("temperature", {}, None, DiagnosticStatus.STALE),
        ("temperature", {}, replace(COOL, temperatures=(30.0, 65.0)), DiagnosticStatus.WARN),
        ("temperature", {}, replace(COOL, temperatures=(75.0, 30.0)), DiagnosticStatus.ERROR),
        ("gripper", {"gripper_trouble": "it does not answer"}, COOL, DiagnosticStatus.WARN),
    ],
)
def test_what_is_wrong_shows_in_its_part_alone(part, status, health, level):
    found = levels(replace(READY, **status), health)
    assert found.pop(f"robot/arm: {part}") == level
    assert set(found.values()) == {DiagnosticStatus.OK}


def test_the_values_tell_mode_error_temperature_and_the_age_of_the_command():
    found = {each.name: each for each in diagnose(READY, COOL, "arm", "XS1", 65.0)}
    values = {
        f"{name}/{pair.key}": pair.value for name, each in found.items() for pair in each.values
    }
    assert values["arm: controller/mode"] == "5"
    assert values["arm: controller/error"] == "0"
    assert values["arm: temperature/joint7 [degC]"] == "30"
    assert values["arm: commands/age [s]"] == "0.020"
