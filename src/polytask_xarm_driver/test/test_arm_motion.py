"""Laws of motion: never faster or more sudden than the bounds, and always to the end."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polytask_xarm_driver.arm.follower import CLOSE_ENOUGH, Follower
from polytask_xarm_driver.arm.motion_bounds import MotionBounds
from polytask_xarm_driver.arm.pose import Pose, Twist
from polytask_xarm_driver.arm.profile import Profile, braking_speed
from polytask_xarm_driver.arm.rotation import (
    from_quaternion,
    from_roll_pitch_yaw,
    rotation_vector,
    to_quaternion,
    turn,
)

PERIOD = 0.02
SLACK = 1e-9
BOUNDS = MotionBounds(speed=0.25, acceleration=2.0, turn_speed=1.0, turn_acceleration=8.0)

coordinate = st.floats(-0.3, 0.3)
points = st.tuples(coordinate, coordinate, coordinate).map(np.array)
turns = st.tuples(*[st.floats(-1.0, 1.0)] * 3).map(np.array)
poses = st.builds(lambda point, turned: Pose(point, turn(turned)), points, turns)


def norm(vector):
    return float(np.linalg.norm(vector))


@given(turns.map(lambda vector: 3.0 * vector / max(1.0, norm(vector))))
def test_a_rotation_comes_back_from_its_vector_and_its_quaternion(vector):
    rotation = turn(vector)
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.allclose(turn(rotation_vector(rotation)), rotation, atol=1e-6)
    assert np.allclose(from_quaternion(to_quaternion(rotation)), rotation, atol=1e-6)


@pytest.mark.parametrize("roll", [math.pi, -math.pi])
def test_half_a_turn_has_an_axis(roll):
    vector = rotation_vector(from_roll_pitch_yaw(roll, 0.0, 0.0))
    assert np.abs(vector).tolist() == pytest.approx([math.pi, 0.0, 0.0])


@given(st.floats(1e-6, 2.0), st.floats(0.05, 20.0), st.floats(0.005, 0.1))
def test_braking_from_the_largest_speed_ends_exactly_at_the_end(distance, acceleration, period):
    speed = braking_speed(distance, acceleration, period)
    for _ in range(100_000):
        distance -= speed * period
        if distance < SLACK:
            break
        slower = braking_speed(distance, acceleration, period)
        assert slower <= speed + SLACK
        assert speed - slower <= acceleration * period * (1 + 1e-6)
        speed = slower
    assert distance == pytest.approx(0.0, abs=1e-8)
    assert speed <= acceleration * period * (1 + 1e-6)


@given(points, points)
def test_from_rest_a_target_is_reached_exactly_and_never_passed(start, target):
    profile, place, before = Profile(0.25, 2.0, PERIOD), start, np.zeros(3)
    direction = target - start
    for _ in range(400):
        velocity = profile.step(target - place)
        assert norm(velocity) <= 0.25 + SLACK
        assert norm(velocity - before) <= 2.0 * PERIOD + SLACK
        place, before = place + PERIOD * velocity, velocity
        assert (target - place) @ direction >= -SLACK
    assert np.allclose(place, target, atol=1e-8)
    assert not profile.step(target - place).any()


@settings(max_examples=50)
@given(st.lists(st.tuples(points, st.integers(1, 40)), min_size=1, max_size=5))
def test_whatever_the_targets_the_last_one_is_reached_within_bounds(course):
    profile, place, before = Profile(0.25, 2.0, PERIOD), np.zeros(3), np.zeros(3)
    last = course[-1][0]
    for target, periods in [*course, (last, 400)]:
        for _ in range(periods):
            velocity = profile.step(target - place)
            assert norm(velocity) <= 0.25 + SLACK
            assert norm(velocity - before) <= 2.0 * PERIOD + SLACK
            place, before = place + PERIOD * velocity, velocity
    assert np.allclose(place, last, atol=1e-8)


class Plant:
    """A tool that follows velocities exactly, late, or not at all, and is seen late."""

    def __init__(self, pose, lag=0, stuck=False):
        self.pose, self.stuck = pose, stuck
        self.late = [Twist(np.zeros(3), np.zeros(3))] * lag

    def move(self, twist):
        self.late.append(twist)
        if not self.stuck:
            self.pose = self.pose.moved(self.late[0], PERIOD)
        self.late.pop(0)


def follow(follower, plant, target, periods):
    """Return what was sent."""
    sent = []
    for _ in range(periods):
        twist = follower.step(target, plant.pose, PERIOD)
        plant.move(twist)
        sent.append(twist)
    return sent


def check_bounds(twists):
    before = Twist(np.zeros(3), np.zeros(3))
    for twist in twists:
        assert norm(twist.linear) <= BOUNDS.speed + SLACK
        assert norm(twist.angular) <= BOUNDS.turn_speed + SLACK
        change = norm(twist.linear - before.linear), norm(twist.angular - before.angular)
        assert change[0] <= BOUNDS.acceleration * PERIOD + SLACK
        assert change[1] <= BOUNDS.turn_acceleration * PERIOD + SLACK
        before = twist


def left(plant, target):
    way = plant.pose.way_to(target)
    return norm(way.linear), norm(way.angular)


@settings(max_examples=40)
@given(poses, poses)
def test_a_prompt_arm_ends_at_the_target_and_stands(start, target):
    follower, plant = Follower(BOUNDS, PERIOD, 0.0), Plant(start)
    follower.rest(start)
    sent = follow(follower, plant, target, 400)
    check_bounds(sent)
    assert sent[-1].still
    assert left(plant, target) == pytest.approx((0.0, 0.0), abs=1e-6)


@settings(max_examples=40)
@given(poses, poses, st.integers(0, 4))
def test_a_late_arm_ends_close_to_the_target_and_stands(start, target, lag):
    # What is expected of the delay, 0.04 s, need not be what it is.
    follower, plant = Follower(BOUNDS, PERIOD, 0.04), Plant(start, lag)
    follower.rest(start)
    sent = follow(follower, plant, target, 500)
    check_bounds(sent)
    assert sent[-1].still
    distance, angle = left(plant, target)
    assert distance < 2 * CLOSE_ENOUGH
    assert angle < 2e-3


@settings(max_examples=30)
@given(poses, poses, st.integers(1, 60))
def test_without_a_target_the_arm_comes_to_rest_within_the_braking_time(start, target, periods):
    follower, plant = Follower(BOUNDS, PERIOD, 0.04), Plant(start, 2)
    follower.rest(start)
    sent = follow(follower, plant, target, periods)
    braking = math.ceil(
        max(
            BOUNDS.speed / (BOUNDS.acceleration * PERIOD),
            BOUNDS.turn_speed / (BOUNDS.turn_acceleration * PERIOD),
        )
    )
    sent += follow(follower, plant, None, braking + 1)
    check_bounds(sent)
    assert follower.sent.still


def test_an_arm_that_is_held_is_pushed_no_harder_than_the_share():
    plant = Plant(Pose([0.3, 0.0, 0.3], np.eye(3)), stuck=True)
    follower = Follower(BOUNDS, PERIOD, 0.04)
    follower.rest(plant.pose)
    sent = follow(follower, plant, Pose([0.36, 0.0, 0.3], np.eye(3)), 500)
    check_bounds(sent)
    assert norm(sent[-1].linear) == pytest.approx(0.2 * BOUNDS.speed)


def test_a_reference_that_rests_forgets_where_it_went():
    pose = Pose([0.3, 0.0, 0.3], np.eye(3))
    follower, plant = Follower(BOUNDS, PERIOD, 0.04), Plant(pose)
    follower.rest(pose)
    follow(follower, plant, Pose([0.35, 0.0, 0.3], np.eye(3)), 5)
    elsewhere = Pose([0.4, 0.1, 0.3], np.eye(3))
    follower.rest(elsewhere)
    assert follower.sent.still
    assert follower.step(elsewhere, elsewhere, PERIOD).still
