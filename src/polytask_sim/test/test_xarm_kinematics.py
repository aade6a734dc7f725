"""The xArm 7's kinematics agree with the maker's own robot description, and with themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from polytask_sim.suites.xarm import TASKS
from polytask_sim.xarm import kinematics

# Origins of the joints as the maker's robot description for ROS states them (xarm_ros2,
# xarm_description/urdf/xarm7): position [m], then roll, pitch and yaw [rad], each in the frame of
# the joint before. It describes the same arm in other figures than Denavit and Hartenberg's.
URDF = [
    ((0, 0, 0.267), (0, 0, 0)),
    ((0, 0, 0), (-np.pi / 2, 0, 0)),
    ((0, -0.293, 0), (np.pi / 2, 0, 0)),
    ((0.0525, 0, 0), (np.pi / 2, 0, 0)),
    ((0.0775, -0.3425, 0), (np.pi / 2, 0, 0)),
    ((0, 0, 0), (np.pi / 2, 0, 0)),
    ((0.076, 0.097, 0), (-np.pi / 2, 0, 0)),
]
# And of the gripper's point on the flange (xarm_description/urdf/gripper).
TOOL = (0, 0, 0.172)


def about(axis, angle):
    """Return the rotation by `angle` about `axis` (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def described(joints):
    """Return tool position and rotation from the robot description."""
    position, rotation = np.zeros(3), np.eye(3)
    for (origin, (roll, pitch, yaw)), angle in zip(URDF, joints, strict=True):
        position = position + rotation @ origin
        turned = about((0, 0, 1), yaw) @ about((0, 1, 0), pitch) @ about((1, 0, 0), roll)
        rotation = rotation @ turned @ about((0, 0, 1), angle)
    return position + rotation @ TOOL, rotation


def postures(count):
    return np.random.default_rng(0).uniform(
        kinematics.LOWER, kinematics.UPPER, (count, kinematics.JOINTS)
    )


def test_forward_kinematics_agrees_with_the_makers_description():
    for joints in postures(1000):
        position, rotation = described(joints)
        pose = kinematics.forward(joints)
        assert np.linalg.norm(pose[:3, 3] - position) < 1e-6
        assert np.allclose(pose[:3, :3], rotation)


def test_the_jacobian_is_the_derivative():
    for joints in postures(20):
        matrix = kinematics.jacobian(kinematics.frames(joints))
        for number in range(kinematics.JOINTS):
            step = np.zeros(kinematics.JOINTS)
            step[number] = 1e-6
            before, after = (kinematics.forward(joints + sign * step) for sign in (-1, 1))
            assert np.allclose((after - before)[:3, 3] / 2e-6, matrix[:3, number], atol=1e-6)


SHARE = some.floats(0, 1)


@settings(max_examples=80)
@given(some.sampled_from(sorted(TASKS)), some.tuples(SHARE, SHARE, SHARE))
def test_inverse_kinematics_brings_the_tool_anywhere_in_a_tasks_box(name, shares):
    box, turned = TASKS[name].box, TASKS[name].turned
    place = np.array(box.low) + np.array(shares) * (np.array(box.high) - np.array(box.low))
    joints = kinematics.inverse(place, turned, kinematics.HOME)
    pose = kinematics.forward(joints)
    assert np.allclose(pose[:3, 3], place, atol=1e-4)
    assert np.allclose(pose[:3, :3], turned, atol=1e-4)
    assert np.all(joints >= kinematics.LOWER)
    assert np.all(joints <= kinematics.UPPER)


def test_a_place_just_out_of_reach_is_refused_wherever_the_arm_begins():
    random, down = np.random.default_rng(0), np.diag([1.0, -1.0, -1.0])
    for _ in range(5):
        start = kinematics.HOME + random.normal(0, 0.5, kinematics.JOINTS)
        start = np.clip(start, kinematics.LOWER, kinematics.UPPER)
        with pytest.raises(kinematics.Unreachable, match=r"within \d+\.\d mm"):
            kinematics.inverse(np.array([0.547, 0.281, 0.375]), down, start)


def test_a_place_out_of_reach_is_refused_by_name():
    with pytest.raises(kinematics.Unreachable, match=r"cannot be at \[2.0, 0.0, 0.1\] m"):
        kinematics.inverse(np.array([2.0, 0, 0.1]), np.diag([1.0, -1, -1]), kinematics.HOME)


def test_a_tool_turned_the_wrong_way_round_is_no_solution():
    down, up = np.diag([1.0, -1.0, -1.0]), np.diag([-1.0, 1.0, -1.0])
    place = np.array([0.4, 0.0, 0.2])
    start = kinematics.inverse(place, down, kinematics.HOME)
    pose = kinematics.forward(kinematics.inverse(place, up, start))
    assert np.allclose(pose[:3, :3], up, atol=1e-3)
