"""The emulated controller's states, errors and moves, tick by tick."""

import math

import numpy as np
import pytest

from polytask_sim.emulator.commands.call import Call, Session
from polytask_sim.emulator.commands.table import COMMANDS
from polytask_sim.emulator.controller import (
    ALL_JOINTS,
    LONGEST_SETTLING,
    Controller,
    Mode,
    Seen,
    State,
)
from polytask_sim.emulator.errors import Refused
from polytask_sim.emulator.firmware import Firmware
from polytask_sim.emulator.motion.pose import pose_of
from polytask_sim.emulator.orders import Silence
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.table_world import TableWorld
from polytask_sim.emulator.wire.framing import HAS_ERROR, NOT_READY, Kind, Result
from polytask_sim.emulator.wire.payload import Payload, floats
from polytask_sim.xarm.kinematics import HOME

STEP = 0.004
NOTHING = np.zeros(7)
KEEP = math.inf
STREAMING = [Mode.SERVO, Mode.JOINT_VELOCITY, Mode.TOOL_VELOCITY]


class Arm:
    """An arm that is at once where it is commanded, and the commands to move it."""

    def __init__(self):
        self.controller = Controller(HOME)
        self.told = []
        self.contacts = NOTHING

    def switch_on(self, mode=Mode.POSITION):
        self.controller.enable(ALL_JOINTS, on=True)
        self.controller.set_mode(mode)
        self.controller.set_state(0)

    def run(self, seconds):
        """Let time pass and return the largest speed that a joint had [rad/s]."""
        fastest = 0.0
        for _ in range(round(seconds / STEP)):
            before = self.controller.joints
            seen = Seen(before.copy(), NOTHING, NOTHING, self.contacts)
            after = self.controller.tick(seen, STEP)
            fastest = max(fastest, float(np.abs(after - before).max()) / STEP)
        return fastest

    def ask(self, code, *numbers, tail=b""):
        """Perform a command as a client would, who wants to be told everything."""
        # The commands need no more of a robot than its controller.
        call = Call(Payload(floats(list(numbers)) + tail), Session(), self)
        return COMMANDS[code].perform(self, call)

    def tell(self, kind, result):
        self.told.append((kind, result))

    def line(self, *pose, speed=200.0, tail=bytes(3)):
        return self.ask(21, *pose, speed, 2000.0, 0.0, -1.0, tail=tail)

    def velocity(self, *speeds, duration=None):
        tail = b"\0" + (b"" if duration is None else floats([duration]))
        return self.ask(82, *speeds, tail=tail)

    @property
    def pose(self):
        """The tool's pose [mm, rad]."""
        pose = pose_of(self.controller.chain.forward(self.controller.joints))
        return pose * [1000, 1000, 1000, 1, 1, 1]


@pytest.fixture
def arm():
    return Arm()


class TestStates:
    def test_it_is_switched_on_stopped(self, arm):
        assert arm.controller.state is State.STOPPED
        assert arm.controller.status == NOT_READY

    def test_without_motors_it_does_not_become_ready(self, arm):
        arm.controller.set_state(0)
        assert arm.controller.state is State.STOPPED

    def test_every_motor_is_needed(self, arm):
        for axis in range(1, ALL_JOINTS):
            arm.controller.set_state(0)
            assert not arm.controller.ready
            arm.controller.enable(axis, on=True)
        arm.controller.set_state(0)
        assert arm.controller.ready

    def test_idle_is_standby_and_a_move_is_moving(self, arm):
        arm.switch_on()
        assert arm.controller.state is State.STANDBY
        arm.line(KEEP, 50.0, KEEP, KEEP, KEEP, KEEP)
        assert arm.controller.state is State.MOVING
        arm.run(0.1)
        assert arm.controller.state is State.MOVING
        arm.run(3)
        assert arm.controller.state is State.STANDBY

    @pytest.mark.parametrize("change", ["mode", "offset", "sensitivity"])
    def test_what_resets_it_stops_it_until_state_0(self, arm, change):
        arm.switch_on()
        arm.line(KEEP, 50.0, KEEP, KEEP, KEEP, KEEP)
        arm.run(0.2)
        if change == "mode":
            arm.controller.set_mode(0)
        elif change == "offset":
            arm.ask(35, 0.0, 0.0, 172.0, 0.0, 0.0, 0.0)
        else:
            arm.ask(37, tail=b"\2")
        assert arm.controller.state is State.RESET
        assert arm.controller.command_count == 0
        arm.run(1)
        assert arm.run(0.5) == 0
        arm.controller.set_state(0)
        assert arm.controller.state is State.STANDBY

    def test_a_pause_stands_still_and_goes_on_to_the_end(self, arm):
        arm.switch_on()
        arm.line(KEEP, 150.0, KEEP, KEEP, KEEP, KEEP)
        arm.run(0.3)
        arm.controller.set_state(3)
        arm.run(0.5)
        assert arm.controller.state is State.PAUSED
        assert arm.run(1) == 0
        assert arm.pose[1] < 149
        arm.controller.set_state(0)
        arm.run(3)
        assert arm.pose[1] == pytest.approx(150, abs=0.01)

    @pytest.mark.parametrize("mode", STREAMING)
    def test_a_paused_stream_does_not_go_on_by_itself(self, arm, mode):
        arm.switch_on(mode)
        if mode is Mode.SERVO:
            arm.ask(29, *(HOME + 0.4), 0.0, 0.0, 0.0)
        elif mode is Mode.JOINT_VELOCITY:
            arm.ask(81, *[0.2] * 7, tail=b"\0")
        else:
            arm.velocity(50, 0, 0, 0, 0, 0)
        assert arm.run(0.05) > 0
        arm.controller.set_state(3)
        arm.run(0.5)
        arm.controller.set_state(0)
        assert arm.run(0.5) == 0

    @pytest.mark.parametrize("value", [4, 6])
    def test_stop_discards_every_move(self, arm, value):
        arm.switch_on()
        for place in (50.0, 100.0):
            arm.line(KEEP, place, KEEP, KEEP, KEEP, KEEP)
        arm.run(0.2)
        arm.controller.set_state(value)
        assert arm.controller.state is State.STOPPED
        assert arm.told.count((Kind.FINISH, Result.DISCARDED)) == 2
        arm.run(0.3)
        assert arm.run(0.3) == 0

    def test_switching_a_motor_off_stops_it(self, arm):
        arm.switch_on()
        arm.controller.enable(3, on=False)
        assert arm.controller.state is State.STOPPED


class TestModes:
    @pytest.mark.parametrize("mode", [3, 6, 7, 11])
    def test_a_mode_that_is_not_emulated_is_refused(self, arm, mode):
        arm.switch_on()
        with pytest.raises(Refused, match="valid"):
            arm.controller.set_mode(mode)

    @pytest.mark.parametrize("mode", list(Mode))
    def test_commands_of_another_mode_are_refused(self, arm, mode):
        arm.switch_on(mode)
        commands = {
            Mode.POSITION: lambda: arm.line(KEEP, 50.0, KEEP, KEEP, KEEP, KEEP),
            Mode.SERVO: lambda: arm.ask(29, *HOME, 0.0, 0.0, 0.0),
            Mode.JOINT_VELOCITY: lambda: arm.ask(81, *[0.1] * 7, tail=b"\0"),
            Mode.TOOL_VELOCITY: lambda: arm.velocity(10, 0, 0, 0, 0, 0),
        }
        for needed, command in commands.items():
            if needed is mode:
                command()
            else:
                with pytest.raises(Refused, match=f"in mode {mode.value}"):
                    command()

    @pytest.mark.parametrize("mode", list(Mode))
    def test_what_comes_while_it_is_not_ready_has_no_effect(self, arm, mode):
        arm.controller.set_mode(mode)
        if mode is Mode.POSITION:
            arm.line(KEEP, 50.0, KEEP, KEEP, KEEP, KEEP)
        elif mode is Mode.SERVO:
            arm.ask(29, *(HOME + 0.1), 0.0, 0.0, 0.0)
        elif mode is Mode.JOINT_VELOCITY:
            arm.ask(81, *[0.1] * 7, tail=b"\0")
        elif mode is Mode.TOOL_VELOCITY:
            arm.velocity(10, 0, 0, 0, 0, 0)
        arm.switch_on(mode)
        assert arm.run(0.5) == 0


class TestMoves:
    @pytest.mark.parametrize("code", [21, 22])
    def test_both_forms_of_a_straight_move_go_there(self, arm, code):
        arm.switch_on()
        target = np.array([350.0, 60.0, 250.0, math.pi, 0.0, 0.3])
        if code == 22:
            arm.ask(22, *target, 200.0, 2000.0, 0.0, 5.0)
        else:
            arm.ask(21, *target, 200.0, 2000.0, 0.0)
        arm.run(4)
        assert np.allclose(arm.pose[:3], target[:3], atol=0.01)
        assert arm.pose[5] == pytest.approx(0.3, abs=1e-4)

    def test_what_is_infinite_stays_as_it_is(self, arm):
        arm.switch_on()
        before = arm.pose
        arm.line(KEEP, KEEP, 300.0, KEEP, KEEP, KEEP)
        arm.run(3)
        assert arm.pose[2] == pytest.approx(300, abs=0.01)
        assert np.allclose(arm.pose[:2], before[:2], atol=0.01)

    def test_joints_that_are_infinite_stay_as_they_are(self, arm):
        arm.switch_on()
        arm.ask(23, 0.3, *[KEEP] * 6, 1.0, 10.0, 0.0)
        arm.run(2)
        assert np.allclose(arm.controller.joints, [0.3, *HOME[1:]])

    def test_relative_moves_add_up(self, arm):
        arm.switch_on()
        before = arm.pose
        for _ in range(2):
            arm.ask(83, 0.0, 20.0, 0.0, 0.0, 0.0, 0.0, 0.0, 200.0, 2000.0, 0.0, -1.0, tail=bytes(2))
        arm.ask(83, *[0.1] * 7, 1.0, 10.0, 0.0, -1.0, tail=bytes([1, 0]))
        arm.run(0.45)
        arm.run(2)
        assert arm.told == [(Kind.START, Result.DONE), (Kind.FINISH, Result.DONE)] * 3
        assert not np.allclose(arm.pose, before)

    def test_ahead_in_the_tools_frame_is_down(self, arm):
        arm.switch_on()
        before = arm.pose
        arm.line(0.0, 0.0, 30.0, 0.0, 0.0, 0.0, tail=bytes([1, 0, 0]))
        arm.run(2)
        assert np.allclose(arm.pose[:3], before[:3] - [0, 0, 30], atol=0.01)

    def test_the_offset_is_where_the_tools_point_is(self, arm):
        flange = arm.pose
        arm.ask(35, 0.0, 0.0, 172.0, 0.0, 0.0, 0.0)
        assert np.allclose(arm.pose[:3], flange[:3] - [0, 0, 172], atol=0.01)

    def test_home_is_every_joint_at_zero(self, arm):
        arm.switch_on()
        arm.ask(25, 1.0, 10.0, 0.0)
        arm.run(4)
        assert np.allclose(arm.controller.joints, 0)

    def test_a_pause_takes_its_time(self, arm):
        arm.switch_on()
        arm.ask(26, 0.5)
        arm.run(0.4)
        assert arm.controller.command_count == 1
        arm.run(0.2)
        assert arm.controller.command_count == 0

    def test_only_checking_tells_and_does_not_move(self, arm):
        arm.switch_on()
        pose = [KEEP, 50.0, KEEP, KEEP, KEEP, KEEP]
        assert arm.line(*pose, tail=bytes([0, 0, 1])) == bytes(3)
        pose[0] = 2000.0
        assert arm.line(*pose, tail=bytes([0, 0, 1]))[2] in (21, 23)
        assert arm.run(0.5) == 0
        assert arm.controller.error == 0

    def test_it_waits_for_the_arm_to_arrive_but_not_forever(self, arm):
        arm.switch_on()
        lagging = Seen(HOME.copy(), NOTHING, NOTHING, NOTHING)
        arm.ask(23, 0.01, *[KEEP] * 6, 1.0, 10.0, 0.0)
        for _ in range(round(0.3 / STEP)):
            arm.controller.tick(lagging, STEP)
        assert arm.controller.state is State.MOVING
        for _ in range(round(LONGEST_SETTLING / STEP)):
            arm.controller.tick(lagging, STEP)
        assert arm.controller.state is State.STANDBY
        assert arm.told[-1] == (Kind.FINISH, Result.DONE)


class TestErrors:
    def expect(self, arm, code):
        assert arm.controller.error == code
        assert arm.controller.state is State.STOPPED
        assert arm.controller.mode is Mode.POSITION
        assert arm.controller.status == HAS_ERROR | NOT_READY
        arm.run(0.3)
        assert arm.run(0.2) == 0

    def test_each_one_stops_the_arm_until_everything_is_done_again(self, arm):
        arm.switch_on(Mode.TOOL_VELOCITY)
        arm.velocity(50, 0, 0, 0, 0, 0)
        arm.run(0.3)
        arm.controller.fail(31)
        self.expect(arm, 31)
        arm.controller.set_state(0)
        assert arm.controller.state is State.STOPPED
        arm.controller.clean_error()
        arm.controller.set_state(0)
        assert not arm.controller.ready
        arm.switch_on(Mode.TOOL_VELOCITY)
        assert arm.controller.status == 0
        assert arm.run(0.5) == 0

    def test_the_first_error_stays(self, arm):
        arm.controller.fail(31)
        arm.controller.fail(21)
        assert arm.controller.error == 31

    def test_the_move_under_way_has_failed_and_others_are_discarded(self, arm):
        arm.switch_on()
        for place in (50.0, 100.0):
            arm.line(KEEP, place, KEEP, KEEP, KEEP, KEEP)
        arm.run(0.1)
        arm.controller.fail(31)
        assert arm.told[1:] == [(Kind.FINISH, Result.FAILED), (Kind.FINISH, Result.DISCARDED)]

    def test_an_emergency_stop_stays_until_it_is_released(self, arm):
        arm.switch_on()
        arm.controller.press_emergency_stop(pressed=True)
        self.expect(arm, 1)
        arm.controller.clean_error()
        assert arm.controller.error == 1
        with pytest.raises(Refused):
            arm.controller.enable(ALL_JOINTS, on=True)
        arm.controller.press_emergency_stop(pressed=False)
        assert arm.controller.error == 1
        arm.controller.clean_error()
        arm.switch_on()
        assert arm.controller.ready

    def test_out_of_reach_is_an_error(self, arm):
        arm.switch_on()
        arm.line(1500.0, KEEP, KEEP, KEEP, KEEP, KEEP)
        arm.run(0.1)
        assert arm.controller.error in (21, 23)
        assert arm.told[-1] == (Kind.FINISH, Result.FAILED)

    def test_beyond_a_joints_range_is_an_error(self, arm):
        arm.switch_on()
        arm.ask(23, KEEP, 3.0, *[KEEP] * 5, 1.0, 10.0, 0.0)
        arm.run(0.1)
        self.expect(arm, 23)

    def test_a_joint_driven_into_its_limit_is_an_error(self, arm):
        arm.switch_on(Mode.JOINT_VELOCITY)
        arm.ask(81, 0, 1.0, 0, 0, 0, 0, 0, tail=b"\0")
        arm.run(4)
        self.expect(arm, 23)

    def test_a_servo_target_far_away_is_an_error(self, arm):
        arm.switch_on(Mode.SERVO)
        arm.ask(29, *(HOME + 1.0), 0.0, 0.0, 0.0)
        self.expect(arm, 60)

    @pytest.mark.parametrize("sensitivity", range(6))
    def test_a_contact_is_a_collision_by_the_sensitivity(self, arm, sensitivity):
        arm.ask(37, tail=bytes([sensitivity]))
        arm.switch_on()
        arm.contacts = np.array([0.5 * 50, 0, 0, 0, 0, 0, 0])
        arm.run(0.3)
        assert arm.controller.error == (31 if sensitivity == 5 else 0)
        arm.contacts = np.array([1000.0, 0, 0, 0, 0, 0, 0])
        arm.run(0.3)
        assert arm.controller.error == (31 if sensitivity else 0)

    def test_a_knock_of_one_tick_is_no_collision(self, arm):
        arm.switch_on()
        arm.contacts = np.array([90.0, 0, 0, 0, 0, 0, 0])
        arm.run(STEP)
        arm.contacts = NOTHING
        arm.run(0.2)
        assert arm.controller.error == 0


class TestFence:
    @pytest.fixture(autouse=True)
    def fence(self, arm):
        arm.ask(52, tail=np.array([500, 300, 100, -100, 500, 100], "<i4").tobytes())
        arm.ask(59, tail=b"\1")

    def test_a_move_that_ends_outside_does_not_begin(self, arm):
        arm.switch_on()
        before = arm.pose
        arm.line(KEEP, 150.0, KEEP, KEEP, KEEP, KEEP)
        arm.run(1)
        assert arm.controller.error == 35
        assert np.allclose(arm.pose, before)

    def test_a_velocity_ends_at_the_boundary(self, arm):
        arm.switch_on(Mode.TOOL_VELOCITY)
        arm.velocity(0, 100, 0, 0, 0, 0)
        arm.run(3)
        assert arm.controller.error == 35
        assert 95 < arm.pose[1] < 105

    def test_from_outside_it_may_come_back_and_not_go_farther(self, arm):
        arm.ask(59, tail=b"\0")
        arm.switch_on()
        arm.line(KEEP, 150.0, KEEP, KEEP, KEEP, KEEP)
        arm.run(3)
        arm.ask(59, tail=b"\1")
        arm.controller.set_mode(Mode.TOOL_VELOCITY)
        arm.controller.set_state(0)
        arm.velocity(0, -100, 0, 0, 0, 0, duration=1.0)
        arm.run(2)
        assert arm.controller.error == 0
        assert arm.pose[1] < 100
        arm.velocity(0, 100, 0, 0, 0, 0)
        arm.run(3)
        assert arm.controller.error == 35


class TestReducedMode:
    def test_its_speeds_bound_every_motion(self, arm):
        arm.ask(47, 50.0)
        arm.ask(48, 0.3)
        arm.ask(50, tail=b"\1")
        arm.switch_on()
        arm.ask(23, 0.5, *[KEEP] * 6, 3.0, 10.0, 0.0)
        assert arm.run(3) <= 0.3 + 1e-6
        arm.controller.set_mode(Mode.TOOL_VELOCITY)
        arm.controller.set_state(0)
        before = arm.pose
        arm.velocity(0, 400, 0, 0, 0, 0, duration=1.0)
        arm.run(2)
        assert np.linalg.norm(arm.pose[:3] - before[:3]) < 55

    def test_its_joint_ranges_count(self, arm):
        ranges = np.tile([-1.6, 1.6], 7)
        arm.ask(58, *ranges)
        arm.ask(50, tail=b"\1")
        arm.switch_on()
        arm.ask(23, 1.7, *[KEEP] * 6, 1.0, 10.0, 0.0)
        arm.run(0.1)
        assert arm.controller.error == 23


class TestInItsWorld:
    """With MuJoCo behind it, as fast as it computes."""

    @pytest.fixture
    def robot(self):
        robot = Robot(Firmware.parse("2.5.5"), TableWorld("close-drawer-left", 0))
        self.ask(robot, 35, 0.0, 0.0, 172.0, 0.0, 0.0, 0.0)
        robot.controller.enable(ALL_JOINTS, on=True)
        robot.controller.set_state(0)
        return robot

    def ask(self, robot, code, *numbers, tail=b""):
        call = Call(Payload(floats(list(numbers)) + tail), Session(), Silence())
        return COMMANDS[code].perform(robot, call)

    def go(self, robot, *pose, speed=200.0):
        self.ask(robot, 21, *pose, speed, 2000.0, 0.0)
        for _ in range(2500):
            robot.tick()
            if not robot.controller.moving:
                return pose_of(robot.controller.chain.forward(robot.world.seen.joints)) * 1000
        raise AssertionError("the arm did not arrive")

    @pytest.mark.parametrize("speed", [50.0, 500.0, 1000.0])
    def test_at_rest_it_is_where_it_was_sent(self, robot, speed):
        for target in ([300.0, -100.0, 300.0], [450.0, 100.0, 200.0], [350.0, 0.0, 150.0]):
            there = self.go(robot, *target, math.pi, 0.0, 0.0, speed=speed)
            assert robot.controller.error == 0
            assert np.linalg.norm(there[:3] - target) < 0.3

    def test_a_drawer_is_pushed_shut_without_a_collision(self, robot):
        handle = 1000 * robot.world.data.site("left_handle").xpos
        self.go(robot, handle[0] - 40, handle[1], handle[2] + 100, math.pi, 0.0, 0.0)
        self.go(robot, handle[0] - 40, handle[1], handle[2], math.pi, 0.0, 0.0)
        self.go(robot, handle[0] + 122, handle[1], handle[2], math.pi, 0.0, 0.0, speed=100.0)
        assert robot.controller.error == 0
        assert robot.world.read().accomplished

    def test_pushed_into_the_table_it_gives_up(self, robot):
        self.go(robot, 350.0, 0.0, 150.0, math.pi, 0.0, 0.0)
        self.go(robot, 350.0, 0.0, -60.0, math.pi, 0.0, 0.0)
        assert robot.controller.error == 31
        for _ in range(250):
            robot.tick()
        assert np.abs(robot.world.seen.contacts).max() < 20
