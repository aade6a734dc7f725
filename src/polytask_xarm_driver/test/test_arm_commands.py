"""Which commands are followed, for how long, and what is said of the others."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polytask_xarm_driver.arm.command import Command
from polytask_xarm_driver.arm.command_bounds import CommandBounds
from polytask_xarm_driver.arm.commands import Commands
from polytask_xarm_driver.arm.errors import CommandRefused
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import to_quaternion, turn

LOW, HIGH = (0.2, -0.35, 0.02), (0.65, 0.35, 0.55)
BOUNDS = CommandBounds(
    LOW,
    HIGH,
    stretch=0.6,
    tool_offset=(0.0, 0.0, 0.172, 0.0, 0.0, 0.0),
    step=0.06,
    jump=0.05,
    turn=0.35,
    opening=0.084,
    timeout=0.15,
)
TOOL = Pose([0.4, 0.0, 0.3], np.diag([1.0, -1.0, -1.0]))
DOWN = (1.0, 0.0, 0.0, 0.0)


def command(position=(0.4, 0.0, 0.3), quaternion=DOWN, opening=math.nan, age=0.01):
    return Command(tuple(position), quaternion, opening, age)


def refused(match, given, first=False):
    with pytest.raises(CommandRefused, match=match):
        BOUNDS.target(given, TOOL, first=first)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(7))
def test_a_pose_that_is_not_finite_is_refused(bad, place):
    numbers = [0.4, 0.0, 0.3, *DOWN]
    numbers[place] = bad
    refused(r"pose is \[.*\]; valid: finite numbers", command(numbers[:3], tuple(numbers[3:])))


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (1.0, 0.1, 0.0, 0.0)])
def test_a_quaternion_that_is_not_of_unit_length_is_refused(quaternion):
    refused(r"quaternion has length .*; valid: 1", command(quaternion=quaternion))


@given(
    st.integers(0, 2),
    st.floats(1e-6, 10.0, exclude_min=True),
    st.booleans(),
)
def test_a_place_outside_the_workspace_is_refused(axis, beyond, above):
    position = [0.4, 0.0, 0.3]
    position[axis] = HIGH[axis] + beyond if above else LOW[axis] - beyond
    refused(r"position is \[.*\] m; valid: from \[0.2, -0.35, 0.02\]", command(position))


@given(st.floats(0.0, 2 * math.pi), st.floats(0.0, 0.2))
def test_a_command_far_from_the_tool_is_refused_and_a_near_one_followed(direction, distance):
    position = [0.4 + distance * math.cos(direction), distance * math.sin(direction), 0.3]
    if distance > 0.06 + 1e-9:
        refused(r"the command is 0\.\d+ m away from the tool; valid: up to 0.06", command(position))
    elif distance < 0.06 - 1e-9:
        target = BOUNDS.target(command(position), TOOL, first=False)
        assert target.position.tolist() == position


def test_where_nobody_knows_where_the_tool_is_or_how_it_is_turned_no_command_is_followed():
    nowhere = Pose([math.nan, 0.0, 0.3], TOOL.rotation)
    turned_somehow = Pose(TOOL.position, np.full((3, 3), math.nan))
    for tool, sentence in ((nowhere, "nan m away"), (turned_somehow, "turned by nan rad")):
        with pytest.raises(CommandRefused, match=sentence):
            BOUNDS.target(command(), tool, first=False)


def test_the_first_command_may_jump_less_far():
    near = command((0.455, 0.0, 0.3))
    refused(r"first command is 0.055 m away", near, first=True)
    assert BOUNDS.target(near, TOOL, first=False).position.tolist() == [0.455, 0.0, 0.3]


@pytest.mark.parametrize("place", [(0.64, 0.34, 0.05), (0.65, 0.0, 0.3), (0.4, 0.0, 0.55)])
def test_a_command_that_stretches_the_arm_is_refused(place):
    tool = Pose(np.array(place) - [0.01, 0.0, 0.01], TOOL.rotation)
    with pytest.raises(CommandRefused, match=r"stretch the arm to 0.\d+ m of 0.649"):
        BOUNDS.target(command(place), tool, first=True)


@pytest.mark.parametrize("angle", [0.36, 1.0, 3.1])
def test_a_command_turned_too_far_is_refused(angle):
    rotation = turn(np.array([0.0, 0.0, angle])) @ TOOL.rotation
    refused(
        r"turned by .* rad from the tool; valid: up to 0.35 rad",
        command(quaternion=to_quaternion(rotation)),
    )


@pytest.mark.parametrize("opening", [-0.001, 0.085, math.inf, -math.inf])
def test_an_opening_that_the_gripper_does_not_have_is_refused(opening):
    refused(r"opening is .* m; valid: 0 to 0.084 m, or NaN", command(opening=opening))


@pytest.mark.parametrize("opening", [0.0, 0.084, math.nan])
def test_any_opening_of_the_gripper_and_none_is_followed(opening):
    target = BOUNDS.target(command(opening=opening), TOOL, first=True)
    assert target.position.tolist() == [0.4, 0.0, 0.3]


@pytest.mark.parametrize(("age", "when"), [(0.16, "old"), (-0.16, "in the future"), (math.nan, "")])
def test_a_stamp_too_far_from_now_is_refused(age, when):
    refused(rf"stamp is .* s {when}; valid: within 0.15 s", command(age=age)) if when else refused(
        "stamp is nan", command(age=age)
    )


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_a_command_counts_for_as_long_as_the_timeout_and_expires_once(clock):
    commands = Commands(0.15, clock)
    commands.accept(TOOL)
    clock.seconds += 0.15 - 1e-6
    assert commands.newest() is TOOL
    clock.seconds += 0.01
    assert [commands.newest(), commands.newest()] == [None, None]
    assert commands.expired == 1


def test_every_command_renews_the_time_and_a_refused_one_does_not(clock):
    commands = Commands(0.15, clock)
    for _ in range(5):
        commands.accept(TOOL)
        clock.seconds += 0.1
        assert commands.newest() is TOOL
    for _ in range(2):
        commands.refuse("too far")
        clock.seconds += 0.05
    assert commands.newest() is None
    assert (commands.refused, commands.refusal, commands.expired) == (2, "too far", 1)


def test_a_command_that_was_forgotten_has_not_expired(clock):
    commands = Commands(0.15, clock)
    commands.accept(TOOL)
    commands.forget("enough")
    clock.seconds += 1.0
    assert commands.newest() is None
    assert commands.expired == 0


def test_the_age_is_not_a_number_before_the_first_and_counts_are_begun_anew(clock):
    commands = Commands(0.15, clock)
    assert math.isnan(commands.age)
    commands.accept(TOOL)
    commands.refuse("no")
    clock.seconds += 0.5
    assert commands.age == pytest.approx(0.5)
    commands.restart()
    assert math.isnan(commands.age)
    assert (commands.refused, commands.refusal, commands.expired) == (0, "", 0)
