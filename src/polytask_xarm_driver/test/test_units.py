"""The controller's units and ours tell the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polytask_xarm_driver import units
from polytask_xarm_driver.arm.pose import Twist

LENGTHS = st.floats(-2.0, 2.0)


@given(st.lists(LENGTHS, min_size=1, max_size=6))
def test_lengths_come_back_from_millimetres(lengths):
    assert units.metres(units.millimetres(lengths)) == pytest.approx(lengths, abs=1e-12)


@given(st.floats(0.0, units.WIDEST_OPENING))
def test_an_opening_comes_back_from_pulses_within_half_a_pulse(opening):
    pulses = units.pulses(opening)
    assert 0 <= pulses <= units.WIDEST_PULSES
    half = 0.51 * units.WIDEST_OPENING / units.WIDEST_PULSES
    assert abs(units.opening(pulses) - opening) <= half


def test_the_gripper_is_open_at_most_pulses_and_the_urdf_counts_the_other_way():
    assert (units.pulses(0.084), units.pulses(0.0)) == (850, 0)
    assert units.drive_joint(0.084) == pytest.approx(0.0)
    assert units.drive_joint(0.0) == pytest.approx(0.85)


def test_a_tool_pointing_down_is_half_a_turn_about_x():
    pose = units.tool_pose([300.0, -20.0, 150.0, math.pi, 0.0, 0.0])
    assert pose.position.tolist() == pytest.approx([0.3, -0.02, 0.15])
    assert np.allclose(pose.rotation, np.diag([1.0, -1.0, -1.0]))


def test_yaw_turns_last_about_the_base():
    pose = units.tool_pose([0.0, 0.0, 0.0, 0.3, 0.0, math.pi / 2])
    # The tool's x axis lies along the base's y axis, whatever the roll.
    assert pose.rotation[:, 0].tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_velocities_are_millimetres_and_radians_a_second():
    twist = Twist(np.array([0.1, 0.0, -0.2]), np.array([0.0, 0.5, 0.0]))
    assert units.tool_velocity(twist) == pytest.approx([100.0, 0.0, -200.0, 0.0, 0.5, 0.0])
