"""Laws of the emulated arm's motions."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polytask_sim.emulator.errors import MotionFault
from polytask_sim.emulator.motion.chain import JOINT_LIMIT, KINEMATIC, Chain
from polytask_sim.emulator.motion.moves import JointMove, LineMove
from polytask_sim.emulator.motion.pose import (
    axis_angle_matrix,
    inverse_of,
    matrix_of,
    pose_of,
    turn_of,
    vector_of,
    way,
)
from polytask_sim.emulator.motion.servo import Braking, Servo
from polytask_sim.emulator.motion.trapezoid import Trapezoid
from polytask_sim.emulator.motion.velocity import (
    JOINT_ACCELERATION,
    TOOL_ACCELERATION,
    TURN_ACCELERATION,
    JointVelocity,
    ToolVelocity,
)
from polytask_sim.xarm.kinematics import HOME, TOOL_LENGTH, forward

fewer = settings(max_examples=50)
STEP = 0.004
GRIPPER = np.array([0, 0, TOOL_LENGTH, 0, 0, 0])

lengths = st.floats(1e-6, 10)
rates = st.floats(1e-2, 100)
angles = st.floats(-math.pi, math.pi)


def run(motion, joints, seconds):
    """Return the commanded joints of every tick, the first ones included."""
    path = [joints]
    for _ in range(round(seconds / STEP)):
        path.append(motion.advance(path[-1], STEP))
    return np.array(path)


def finish(motion, joints):
    path = [joints]
    while not motion.finished:
        path.append(motion.advance(path[-1], STEP))
        assert len(path) < 100_000
    return np.array(path)


class TestTrapezoid:
    @fewer
    @given(lengths, rates, rates)
    def test_it_begins_and_ends_exactly(self, length, speed, acceleration):
        profile = Trapezoid(length, speed, acceleration)
        assert profile.at(0) == profile.at(-1) == 0
        assert profile.at(profile.duration) == profile.at(profile.duration + 1) == length

    @fewer
    @given(lengths, rates, rates)
    def test_it_keeps_to_speed_and_acceleration(self, length, speed, acceleration):
        profile = Trapezoid(length, speed, acceleration)
        times = np.linspace(0, profile.duration, 400)
        places = np.array([profile.at(time) for time in times])
        step = times[1]
        speeds = np.diff(places) / step
        noise = 1e-9 * length / step
        assert np.all(speeds >= -noise)
        assert np.all(speeds <= speed * (1 + 1e-6) + noise)
        changes = np.abs(np.diff(speeds)) / step
        assert np.all(changes <= acceleration * (1 + 1e-6) + 4 * noise / step)

    @fewer
    @given(lengths, rates, rates)
    def test_no_profile_that_keeps_to_both_is_faster(self, length, speed, acceleration):
        reached = min(speed, math.sqrt(length * acceleration))
        fastest = length / reached + reached / acceleration
        assert Trapezoid(length, speed, acceleration).duration == pytest.approx(fastest)

    def test_no_way_takes_no_time(self):
        assert Trapezoid(0.0, 1.0, 1.0).duration == 0
        assert Trapezoid(0.0, 1.0, 1.0).at(0) == 0


class TestPoses:
    @fewer
    @given(angles, st.floats(-1.5, 1.5), angles)
    def test_roll_pitch_and_yaw_come_back(self, roll, pitch, yaw):
        pose = np.array([0.1, -0.2, 0.3, roll, pitch, yaw])
        assert np.allclose(matrix_of(pose_of(matrix_of(pose))), matrix_of(pose), atol=1e-9)

    @pytest.mark.parametrize("pitch", [-math.pi / 2, math.pi / 2])
    @fewer
    @given(roll=angles, yaw=angles)
    def test_they_do_where_pitch_is_a_quarter_turn(self, pitch, roll, yaw):
        matrix = matrix_of(np.array([0, 0, 0, roll, pitch, yaw]))
        assert np.allclose(matrix_of(pose_of(matrix)), matrix, atol=1e-7)

    def test_turns_are_about_the_fixed_axes(self):
        turn = matrix_of(np.array([0, 0, 0, math.pi, 0, math.pi / 2]))[:3, :3]
        assert np.allclose(turn @ [1, 0, 0], [0, 1, 0])
        assert np.allclose(turn @ [0, 0, 1], [0, 0, -1])

    @fewer
    @given(st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3))
    def test_axis_times_angle_comes_back(self, vector):
        vector = np.array(vector)
        assert np.allclose(vector_of(turn_of(vector)), vector, atol=1e-6)

    def test_half_a_turn_has_an_axis(self):
        vector = vector_of(np.diag([1.0, -1.0, -1.0]))
        assert np.allclose(np.abs(vector), [math.pi, 0, 0])

    def test_a_pose_and_its_inverse_are_nowhere(self):
        pose = axis_angle_matrix(np.array([0.3, 0.1, -0.2, 0.5, -1.0, 0.2]))
        assert np.allclose(pose @ inverse_of(pose), np.eye(4))


class TestChain:
    def test_with_the_grippers_offset_it_is_where_the_model_has_the_tool(self):
        assert np.allclose(Chain(GRIPPER).forward(HOME), forward(HOME))

    @fewer
    @given(st.lists(st.floats(-0.02, 0.02), min_size=6, max_size=6))
    def test_it_follows_a_short_way_exactly(self, offset):
        chain = Chain(GRIPPER)
        target = axis_angle_matrix(np.array(offset))
        target[:3, :3] = target[:3, :3] @ chain.forward(HOME)[:3, :3]
        target[:3, 3] += chain.forward(HOME)[:3, 3]
        error = way(chain.forward(chain.follow(HOME, target)), target)
        assert np.abs(error).max() < 1e-5

    def test_what_is_out_of_reach_is_a_kinematic_error(self):
        chain = Chain(GRIPPER)
        far = chain.forward(HOME).copy()
        far[:3, 3] = [2.0, 0, 0.2]
        with pytest.raises(MotionFault) as fault:
            LineMove(chain, HOME, far, 0.1, 1.0)
        assert fault.value.code in (KINEMATIC, JOINT_LIMIT)

    def test_it_solves_for_the_point_that_was_asked_for(self):
        offset = np.array([0.03, 0.0, 0.1, 0.0, 0.0, 0.4])
        chain = Chain(offset)
        target = matrix_of(np.array([0.4, 0.1, 0.3, math.pi, 0, 0]))
        error = way(chain.forward(chain.solve(target, HOME)), target)
        assert np.abs(error).max() < 1e-3


class TestMoves:
    @fewer
    @given(
        st.lists(st.floats(-1, 1), min_size=7, max_size=7), st.floats(0.1, 3), st.floats(0.5, 20)
    )
    def test_joints_keep_to_speed_and_acceleration_and_end_exactly(self, ways, speed, acceleration):
        end = HOME + np.array(ways)
        path = finish(JointMove(HOME, end, speed, acceleration), HOME)
        assert np.allclose(path[-1], end, rtol=0, atol=1e-9)
        speeds = np.diff(path, axis=0) / STEP
        assert np.abs(speeds).max(initial=0) <= speed * (1 + 1e-6)
        # The last tick ends wherever the profile does.
        changes = np.diff(speeds, axis=0)[:-1] / STEP
        assert np.abs(changes).max(initial=0) <= acceleration * (1 + 1e-6) + 1e-6

    def test_a_move_to_where_it_is_is_over_at_once(self):
        assert JointMove(HOME, HOME.copy(), 1.0, 1.0).finished
        chain = Chain(GRIPPER)
        assert LineMove(chain, HOME, chain.forward(HOME), 0.1, 1.0).finished

    def test_a_line_is_straight_even_and_ends_exactly(self):
        chain = Chain(GRIPPER)
        target = matrix_of(np.array([0.45, 0.15, 0.2, math.pi, 0, 0.5]))
        start = chain.forward(HOME)
        path = finish(LineMove(chain, HOME, target, 0.2, 1.0), HOME)
        poses = [chain.forward(joints) for joints in path]
        assert np.abs(way(poses[-1], target)).max() < 1e-5
        points = np.array([pose[:3, 3] for pose in poses])
        along = (target[:3, 3] - start[:3, 3]) / np.linalg.norm(target[:3, 3] - start[:3, 3])
        aside = (points - points[0]) - np.outer((points - points[0]) @ along, along)
        assert np.abs(aside).max() < 1e-5
        speeds = np.linalg.norm(np.diff(points, axis=0), axis=1) / STEP
        assert speeds.max() <= 0.2 + 1e-3


class TestVelocity:
    @fewer
    @given(st.lists(st.floats(-0.5, 0.5), min_size=7, max_size=7), st.floats(0.01, 0.4))
    def test_joints_keep_to_their_acceleration_and_stop_when_it_expires(self, speeds, duration):
        assume(max(map(abs, speeds)) > 0.01)
        motion = JointVelocity()
        motion.command(np.array(speeds), duration)
        path = run(motion, HOME, duration + 1.0)
        velocities = np.diff(path, axis=0) / STEP
        assert np.abs(np.diff(velocities, axis=0)).max() / STEP <= JOINT_ACCELERATION + 1e-6
        assert motion.finished
        assert not velocities[-1].any()

    @pytest.mark.parametrize("duration", [0.0, -1.0])
    def test_without_a_duration_it_goes_on(self, duration):
        motion = JointVelocity()
        motion.command(np.full(7, 0.1), duration)
        run(motion, HOME, 5)
        assert not motion.finished

    def test_a_new_velocity_renews_the_duration(self):
        motion = JointVelocity()
        for _ in range(5):
            motion.command(np.full(7, 0.1), 0.15)
            joints = run(motion, HOME, 0.1)
        assert np.allclose(np.diff(joints, axis=0), 0.1 * STEP)

    @fewer
    @given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3))
    def test_the_tool_keeps_to_its_acceleration(self, speeds):
        chain = Chain(GRIPPER)
        motion = ToolVelocity(chain, HOME)
        motion.command(np.array([*speeds, 0, 0, 0.3]), 0.1, in_tool=False)
        path = run(motion, HOME, 0.4)
        points = np.array([chain.forward(joints)[:3, 3] for joints in path])
        velocities = np.diff(points, axis=0) / STEP
        changes = np.linalg.norm(np.diff(velocities, axis=0), axis=1) / STEP
        # Points are as exact as the joints that were found for them.
        assert changes.max() <= TOOL_ACCELERATION + 4e-6 / STEP**2
        assert motion.finished

    def test_a_turn_is_about_the_tools_point(self):
        chain = Chain(GRIPPER)
        motion = ToolVelocity(chain, HOME)
        motion.command(np.array([0, 0, 0, 0, 0, 0.5]), 0.4, in_tool=False)
        path = run(motion, HOME, 0.6)
        before, after = chain.forward(HOME), chain.forward(path[-1])
        turn = way(before, after)
        assert np.abs(turn[:3]).max() < 1e-5
        ramp = 0.5 / TURN_ACCELERATION
        assert turn[5] == pytest.approx(0.5 * 0.4, abs=0.5 * (ramp + 2 * STEP))

    def test_in_the_tools_frame_ahead_is_down(self):
        chain = Chain(GRIPPER)
        motion = ToolVelocity(chain, HOME)
        motion.command(np.array([0, 0, 0.1, 0, 0, 0]), 0.3, in_tool=True)
        path = run(motion, HOME, 0.5)
        moved = way(chain.forward(HOME), chain.forward(path[-1]))
        assert moved[2] < -0.02
        assert np.abs(moved[:2]).max() < 1e-5


def test_braking_comes_to_rest_without_turning_back():
    path = finish(Braking(np.array([1.0, -2.0, 0, 0, 0.5, 0, 0])), HOME)
    speeds = np.diff(path, axis=0) / STEP
    assert np.all(speeds[:, 0] >= 0)
    assert np.all(speeds[:, 1] <= 0)
    assert np.abs(np.diff(speeds, axis=0)).max() / STEP <= Braking.DECELERATION + 1e-6
    assert len(path) < 2.0 / Braking.DECELERATION / STEP + 3


def test_servo_runs_to_the_newest_target_no_faster_than_it_may():
    motion = Servo(HOME, 1.0)
    motion.command(HOME + 0.3)
    motion.command(HOME - 0.1)
    path = finish(motion, HOME)
    assert np.allclose(path[-1], HOME - 0.1)
    assert np.abs(np.diff(path, axis=0)).max() <= STEP + 1e-12
