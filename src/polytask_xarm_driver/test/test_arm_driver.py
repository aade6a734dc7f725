"""The arm's driver: whatever happens the arm stands still, and nothing is forgiven silently."""

import contextlib
import math
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from polytask_xarm_driver.arm.command import Command
from polytask_xarm_driver.arm.command_bounds import CommandBounds
from polytask_xarm_driver.arm.driver import ArmDriver
from polytask_xarm_driver.arm.errors import ArmError, ArmLost
from polytask_xarm_driver.arm.faults import FAULTS, describe
from polytask_xarm_driver.arm.feedback import VELOCITY_MODE, Feedback
from polytask_xarm_driver.arm.health import Health
from polytask_xarm_driver.arm.limits import Limits
from polytask_xarm_driver.arm.motion_bounds import MotionBounds
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.pose import REST, Pose
from polytask_xarm_driver.arm.settings import Settings

PATIENCE = 10.0
START = np.array([0.4, 0.0, 0.3])
DOWN = np.diag([1.0, -1.0, -1.0])
NEAR = START + np.array([0.03, 0.02, -0.01])

LIMITS = Limits(
    reduced_mode=True,
    tool_speed=0.3,
    joint_speed=2.0,
    boundary_low=(0.17, -0.38, -0.01),
    boundary_high=(0.68, 0.38, 0.58),
    joints_low=(-6.28,) * 7,
    joints_high=(6.28,) * 7,
    fence=True,
    rebound=False,
    sensitivity=3,
    tool_offset=(0.0, 0.0, 0.172, 0.0, 0.0, 0.0),
    load_mass=0.82,
    load_centre=(0.0, 0.0, 0.048),
)
# What a controller keeps that nobody has told any.
OTHERS_LIMITS = replace(LIMITS, reduced_mode=False, fence=False)
SETTINGS = Settings(
    period=0.02,
    command_timeout=0.15,
    controller_timeout=0.15,
    feedback_timeout=0.5,
    feedback_delay=0.0,
    commands=CommandBounds(
        (0.2, -0.35, 0.02),
        (0.65, 0.35, 0.55),
        stretch=0.6,
        tool_offset=LIMITS.tool_offset,
        step=0.06,
        jump=0.05,
        turn=0.35,
        opening=0.084,
        timeout=0.15,
    ),
    motion=MotionBounds(0.25, 2.0, 1.0, 8.0),
    limits=LIMITS,
    gripper=True,
)


class FakeArm:
    """An arm whose tool moves as told, for as long as told, and in which things can go wrong."""

    serial = "XS0000"

    def __init__(self):
        self.lock = threading.RLock()
        self.calls = []
        self.connected = False
        self.reachable = True
        self.stuck_error = 0
        self.error = self.warning = 0
        self.mode, self.state, self.motors = 0, 4, False
        self.pose = Pose(START, DOWN)
        self.twist, self.until, self.moved = REST, 0.0, time.monotonic()
        self.silent_since = None
        self.health_silent_since = None
        self.kept = OTHERS_LIMITS
        self.forced = {}
        self.fingers, self.gripper_free = 0.0, threading.Event()
        self.gripper_free.set()
        self.move_failure = None
        self.moves = []

    def _advance(self):
        now = time.monotonic()
        if self.state in (0, 1, 2) and self.mode == VELOCITY_MODE:
            seconds = max(0.0, min(now, self.until) - self.moved)
            self.pose = self.pose.moved(self.twist, seconds)
        self.moved = now

    def place(self):
        with self.lock:
            self._advance()
            return self.pose.position.copy()

    @property
    def feedback(self):
        with self.lock:
            if not self.connected:
                return None
            self._advance()
            at = self.silent_since or time.monotonic()
            return Feedback(at, (0.0,) * 7, (0.0,) * 7, self.pose, self.mode, self.state)

    @property
    def health(self):
        if not self.connected:
            return None
        at = self.health_silent_since or time.monotonic()
        return Health(at, self.error, self.warning, (30.0,) * 7)

    def _told(self, name):
        self.calls.append(name)
        if not self.connected:
            raise ArmLost("the controller is not connected")

    def connect(self):
        self.calls.append("connect")
        if not self.reachable:
            raise ArmLost("the controller cannot be reached")
        self.connected = True
        self.silent_since = self.health_silent_since = None

    def close(self):
        self.calls.append("close")
        self.connected = False

    def set_limits(self, limits):
        self._told("set_limits")
        self.kept = replace(limits, **self.forced)

    def read_limits(self, *, anew):
        self._told("read_limits" if anew else "look_at_limits")
        return self.kept

    def fault(self):
        self._told("fault")
        return self.error, self.warning

    def clear(self):
        self._told("clear")
        self.error, self.warning = self.stuck_error, 0

    def enable(self):
        self._told("enable")
        with self.lock:
            self._advance()
            self.twist = REST
            if not self.error:
                self.motors, self.mode, self.state = True, VELOCITY_MODE, 2

    def enable_gripper(self):
        self._told("enable_gripper")

    def stop(self):
        self._told("stop")
        with self.lock:
            self._advance()
            self.state = 4

    def disable(self):
        self.stop()
        self.calls.append("disable")
        self.motors = False

    def move(self, twist, seconds):
        self._told("move")
        if self.move_failure:
            raise self.move_failure
        with self.lock:
            self._advance()
            self.twist, self.until = twist, time.monotonic() + seconds
            self.moves.append((time.monotonic(), twist, seconds))

    def fail(self, code):
        """As a controller does: it stops by itself."""
        with self.lock:
            self._advance()
            self.error, self.mode, self.state, self.motors = code, 0, 4, False

    def grip(self, opening):
        self._told("grip")
        self.gripper_free.wait()
        self.fingers = opening

    def opening(self):
        self._told("opening")
        return self.fingers


@pytest.fixture
def arm():
    return FakeArm()


@pytest.fixture
def make(arm):
    with contextlib.ExitStack() as stack:

        def make(**changes):
            driver = ArmDriver(arm, replace(SETTINGS, **changes), lambda: None)
            stack.callback(driver.close)
            # Before that: closing waits for the gripper, also after a failed test.
            stack.callback(arm.gripper_free.set)
            return driver

        yield make


@pytest.fixture
def ready(make):
    driver = make()
    driver.configure()
    driver.enable()
    return driver


def command(position=NEAR, opening=math.nan, age=0.0):
    return Command(tuple(position), (1.0, 0.0, 0.0, 0.0), opening, age)


def unforeseen(*_args, **_options):
    raise OSError("unforeseen")


def ahead(way):
    return START + np.array([way, 0.0, 0.0])


def until(condition, keep=lambda: None):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        keep()
        time.sleep(0.01)


def standing(driver):
    until(lambda: not driver.status().moving)
    return driver.status()


def distance(arm, position=NEAR):
    return float(np.linalg.norm(arm.feedback.pose.position - position))


def follow(driver, position=NEAR, opening=math.nan):
    assert driver.command(command(position, opening)) == ""


# Connecting and enabling


def test_configuring_sets_the_limits_reads_them_back_and_leaves_the_motors_off(make, arm):
    driver = make()
    assert driver.status().phase == Phase.OFFLINE
    driver.configure()
    assert arm.calls[:5] == ["connect", "fault", "set_limits", "read_limits", "stop"]
    assert arm.kept == LIMITS
    assert (driver.status().phase, arm.motors) == (Phase.IDLE, False)
    assert "clear" not in arm.calls


@pytest.mark.parametrize(
    ("forced", "sentence"),
    [
        ({"tool_speed": 0.5}, "the controller's tool speed is 0.5 and was set to 0.3"),
        ({"fence": False}, "the controller's fence is False and was set to True"),
        ({"sensitivity": 0}, "the controller's sensitivity is 0 and was set to 3"),
        ({"load_mass": math.nan}, "the controller's load mass is nan and was set to 0.82"),
        ({"boundary_low": (0.1, -0.38, -0.01)}, r"boundary low is \[0.1, .* set to \[0.17"),
        ({"joints_high": (6.28,) * 6}, r"joints high is .* was set to"),
    ],
)
def test_a_limit_that_does_not_read_back_is_named_with_both_values(make, arm, forced, sentence):
    arm.forced = forced
    driver = make()
    with pytest.raises(ArmError, match=sentence):
        driver.configure()
    assert not arm.connected
    assert driver.status().phase == Phase.OFFLINE


def test_limits_in_whole_millimetres_are_as_good_as_those_that_were_set():
    assert LIMITS.difference(replace(LIMITS, boundary_high=(0.6804, 0.38, 0.58))) == ""


def test_a_controller_that_cannot_be_reached_leaves_nothing_behind(make, arm):
    arm.reachable = False
    driver = make()
    before = threading.active_count()
    with pytest.raises(ArmLost):
        driver.configure()
    assert threading.active_count() == before
    arm.reachable = True
    driver.configure()


@pytest.mark.parametrize("breaks", ["fault", "set_limits", "disable"])
def test_configuring_that_breaks_by_what_nobody_foresaw_leaves_nothing_behind(make, arm, breaks):
    setattr(arm, breaks, unforeseen)
    driver = make()
    before = threading.active_count()
    with pytest.raises(OSError, match="unforeseen"):
        driver.configure()
    assert not arm.connected
    assert driver.status().phase == Phase.OFFLINE
    assert threading.active_count() == before


def test_an_error_from_before_stops_the_arm_that_is_enabled_until_one_recovery(make, arm):
    arm.fail(31)
    driver = make()
    driver.configure()
    assert (driver.status().phase, arm.kept) == (Phase.IDLE, OTHERS_LIMITS)
    driver.enable()
    assert (driver.status().phase, arm.error, arm.motors) == (Phase.STOPPED, 31, False)
    assert "controller error 31: the arm hit something" in driver.status().reason
    assert "takes no commands: controller error 31" in driver.command(command())
    assert "clear" not in arm.calls
    driver.recover(lambda _: None)
    assert (driver.status().phase, arm.error, arm.kept) == (Phase.READY, 0, LIMITS)


def test_an_arm_that_is_not_enabled_is_cleared_and_limited_but_not_enabled_by_a_recovery(make, arm):
    arm.fail(31)
    driver = make()
    driver.configure()
    driver.recover(lambda _: None)
    assert (driver.status().phase, arm.error, arm.motors) == (Phase.IDLE, 0, False)
    assert arm.kept == LIMITS
    driver.enable()
    assert driver.status().phase == Phase.READY


def test_closing_ends_every_thread_and_the_connection(make, arm):
    before = threading.active_count()
    driver = make()
    for _ in range(20):
        driver.configure()
        driver.enable()
        driver.disable()
        driver.close()
    assert threading.active_count() == before
    assert not arm.connected


# Following


def test_a_command_is_followed_to_its_end_and_the_controller_is_given_a_time(ready, arm):
    until(lambda: distance(arm) < 5e-4, lambda: follow(ready))
    assert {seconds for _, _, seconds in arm.moves} == {0.15}
    until(lambda: ready.status().reason == "", lambda: follow(ready))
    assert all(np.linalg.norm(twist.linear) <= 0.25 + 1e-9 for _, twist, _ in arm.moves)


def test_silence_brings_the_arm_to_rest_and_the_next_command_goes_on(ready, arm):
    def lapses_after_it_moved_the_arm():
        lapsed = ready.status().expired
        follow(ready)
        until(lambda: ready.status().expired == lapsed + 1)
        return arm.moves

    # On a busy machine a command may lapse before the driver sees it.
    until(lapses_after_it_moved_the_arm)
    until(lambda: ready.status().reason)
    status = standing(ready)
    assert status.phase == Phase.READY
    assert status.reason == "no command that counts came for 0.15 s"
    assert arm.twist.still
    until(lambda: ready.status().reason == "", lambda: follow(ready, START))
    until(lambda: distance(arm, START) < 5e-4, lambda: follow(ready, START))


def test_an_arm_that_is_told_to_rest_does_so_at_once_and_the_next_command_goes_on(make, arm):
    # The command shall not lapse first, however busy the machine is.
    driver = make(command_timeout=PATIENCE)
    driver.configure()
    driver.enable()
    follow(driver)
    until(lambda: arm.moves)
    # No period of control comes in between.
    with driver._telling:
        before = len(arm.moves)
        driver.rest()
    until(lambda: driver.status().reason)
    status = standing(driver)
    assert status.phase == Phase.READY
    assert status.reason == "the arm was told to rest"
    assert status.expired == 0
    # From 0.25 m/s at 2 m/s^2 in periods of 0.02 s, and one that was under way.
    assert len(arm.moves) - before <= 9
    until(lambda: driver.status().reason == "", lambda: follow(driver, START))


def test_nothing_is_sent_while_nothing_is_to_move(ready, arm):
    time.sleep(0.2)
    assert arm.moves == []
    until(lambda: distance(arm) < 5e-4, lambda: follow(ready))
    until(lambda: arm.twist.still, lambda: follow(ready))
    sent = len(arm.moves)
    for _ in range(10):
        follow(ready)
        time.sleep(0.02)
    assert len(arm.moves) <= sent + 1


def test_a_refused_command_is_as_good_as_none(ready):
    follow(ready)
    far = command(ahead(0.2))
    ready.command(far)
    until(lambda: ready.status().expired == 1, lambda: ready.command(far))
    status = standing(ready)
    assert status.phase == Phase.READY
    assert status.refused > 0
    assert "away from the tool" in status.refusal


def test_a_first_command_that_jumps_moves_nothing(ready, arm):
    assert "first command" in ready.command(command(ahead(0.055)))
    time.sleep(0.1)
    assert arm.moves == []


def test_no_command_is_taken_before_the_arm_is_enabled(make):
    driver = make()
    assert "not connected" in driver.command(command())
    driver.configure()
    assert "not enabled" in driver.command(command())
    assert driver.status().refused == 2
    driver.enable()
    assert driver.status().refused == 0


def test_a_stalled_process_begins_where_the_arm_is(ready, arm):
    until(lambda: arm.moves, lambda: follow(ready))
    with ready._telling:
        was = arm.place()
        time.sleep(0.4)
        stood = arm.place()
    assert arm.until < time.monotonic()
    assert np.linalg.norm(stood - was) < 0.15 * 0.25 + 1e-6
    until(lambda: distance(arm) < 5e-4, lambda: follow(ready))


# The gripper


def test_fingers_are_sent_once_for_each_new_opening(ready, arm):
    until(lambda: arm.fingers == 0.05, lambda: follow(ready, START, 0.05))
    for _ in range(20):
        follow(ready, START, 0.05)
        time.sleep(0.02)
    follow(ready, START)
    until(lambda: arm.fingers == 0.02, lambda: follow(ready, START, 0.02))
    assert arm.calls.count("grip") == 2
    until(lambda: ready.status().opening == 0.02)


def test_a_slow_gripper_delays_no_motion(ready, arm):
    arm.gripper_free.clear()
    follow(ready, NEAR, 0.08)
    until(lambda: "grip" in arm.calls, lambda: follow(ready, NEAR, 0.08))
    until(lambda: distance(arm) < 5e-4, lambda: follow(ready))
    assert arm.fingers == 0.0
    arm.gripper_free.set()
    until(lambda: arm.fingers == 0.08)


class StubbornGripper:
    """An arm's gripper that does not move before it is `willing`."""

    def __init__(self, arm):
        self._grip, self.refused, self.willing = arm.grip, 0, False
        arm.grip = self

    def __call__(self, opening):
        if not self.willing:
            self.refused += 1
            raise ArmError("the gripper does not answer")
        self._grip(opening)


@pytest.fixture
def gripper(arm):
    return StubbornGripper(arm)


def assert_grips_nothing(arm):
    time.sleep(0.5)
    assert "grip" not in arm.calls


def test_fingers_that_a_silent_commander_wanted_are_not_moved_any_more(ready, arm, gripper):
    until(lambda: gripper.refused, lambda: follow(ready, START, 0.05))
    until(lambda: ready.status().expired)
    gripper.willing = True
    assert_grips_nothing(arm)


@pytest.mark.parametrize("ends", [ArmDriver.rest, ArmDriver.ease, ArmDriver.stop])
def test_fingers_are_not_moved_any_more_once_the_arm_is_to_rest_or_stop(make, arm, gripper, ends):
    # What was commanded shall not lapse by itself, however busy the machine is.
    driver = make(command_timeout=PATIENCE)
    driver.configure()
    driver.enable()
    follow(driver, START, 0.05)
    until(lambda: gripper.refused)
    ends(driver)
    until(lambda: driver.status().reason != "")
    gripper.willing = True
    assert_grips_nothing(arm)
    if driver.status().phase == Phase.STOPPED:
        driver.recover(lambda _: None)
        assert_grips_nothing(arm)


def test_fingers_that_are_wanted_on_and_on_are_moved_once_the_gripper_can(ready, arm, gripper):
    until(lambda: gripper.refused > 2, lambda: follow(ready, START, 0.05))
    gripper.willing = True
    until(lambda: arm.fingers == 0.05, lambda: follow(ready, START, 0.05))


def test_a_gripper_that_fails_is_told_and_the_arm_goes_on(ready, arm):
    def opening():
        raise ArmError("the gripper does not answer")

    arm.opening = opening
    until(lambda: ready.status().gripper_trouble == "the gripper does not answer")
    assert math.isnan(ready.status().opening)
    until(lambda: distance(arm) < 5e-4, lambda: follow(ready))


def test_an_arm_without_a_gripper_is_asked_nothing_of_it(make, arm):
    driver = make(gripper=False)
    driver.configure()
    driver.enable()
    until(lambda: distance(arm) < 5e-4, lambda: follow(driver, NEAR, 0.05))
    assert not {"enable_gripper", "grip", "opening"} & set(arm.calls)


# Whatever else happens


def pressed(arm, _driver):
    arm.fail(2)


def hit(arm, _driver):
    arm.fail(31)


def error_without_a_stop(arm, _driver):
    arm.error = 24


def stopped_by_another(arm, _driver):
    arm.state = 4


def paused_by_another(arm, _driver):
    arm.state = 3


def taken_by_another(arm, _driver):
    arm.mode = 0


def unplugged(arm, _driver):
    arm.connected = False


def unreported(arm, _driver):
    arm.silent_since = time.monotonic() - 1.0


def unwell(arm, _driver):
    arm.health_silent_since = time.monotonic() - 5.0


def unanswered(arm, _driver):
    arm.move_failure = ArmLost("the controller did not answer vc_set_cartesian_velocity")


def limits_changed(arm, _driver):
    arm.kept = replace(LIMITS, fence=False)


def limits_hidden(arm, _driver):
    def refuse(*, anew):
        if not anew:
            raise ArmError("the controller refused get_reduced_states: code 7")
        return FakeArm.read_limits(arm, anew=anew)

    arm.read_limits = refuse


def told(_arm, driver):
    driver.stop()


STOPS = [
    (pressed, "controller error 2: the emergency stop input"),
    (hit, "controller error 31: the arm hit something"),
    (error_without_a_stop, "controller error 24: a joint would have been too fast"),
    (stopped_by_another, "stopped by itself or by another client: state 4"),
    (paused_by_another, "stopped by itself or by another client: state 3"),
    (taken_by_another, "put into mode 0; valid: 5"),
    (unplugged, "the connection to the controller is lost"),
    (unreported, "no report of the tool came for 0.5 s"),
    (unwell, "no report of errors came for 2 s"),
    (unanswered, "did not answer vc_set_cartesian_velocity"),
    (limits_changed, "the controller's fence is False and was set to True"),
    (
        limits_hidden,
        "limits could not be read back for 3 s: the controller refused get_reduced_states: code 7",
    ),
    (told, "the arm was told to stop"),
]


def whole_again(arm):
    arm.move_failure = None
    arm.__dict__.pop("read_limits", None)


@pytest.mark.parametrize(("happens", "reason"), STOPS)
@pytest.mark.parametrize("moving", [True, False])
def test_the_arm_stops_says_why_and_only_a_recovery_goes_on(ready, arm, happens, reason, moving):
    if moving:
        until(lambda: arm.moves, lambda: follow(ready))
    happens(arm, ready)
    until(lambda: ready.status().phase == Phase.STOPPED, lambda: ready.command(command()))
    assert reason in ready.status().reason
    whole_again(arm)
    # A controller that cannot be told to stop does so when its time is over.
    until(lambda: time.monotonic() > arm.until)
    stood, sent = arm.place(), len(arm.moves)
    for _ in range(5):
        assert "the arm takes no commands" in ready.command(command())
        time.sleep(0.02)
    assert len(arm.moves) == sent
    assert "clear" not in arm.calls
    phases = []
    ready.recover(phases.append)
    assert phases
    assert (ready.status().phase, arm.error, arm.kept) == (Phase.READY, 0, LIMITS)
    assert len(arm.moves) == sent
    assert np.array_equal(arm.place(), stood)
    until(lambda: distance(arm) < 5e-4, lambda: ready.command(command()))


@pytest.mark.parametrize(("happens", "reason"), STOPS)
def test_disabling_and_enabling_goes_on_once_the_cause_is_gone(ready, arm, happens, reason):
    happens(arm, ready)
    until(lambda: ready.status().phase == Phase.STOPPED, lambda: ready.command(command()))
    assert reason in ready.status().reason
    whole_again(arm)
    arm.error = 0
    ready.disable()
    ready.enable()
    assert ready.status().phase == Phase.READY
    assert "clear" not in arm.calls
    until(lambda: distance(arm) < 5e-4, lambda: ready.command(command()))


def test_limits_that_once_cannot_be_read_stop_nothing(ready, arm):
    looks = 0

    def fail_seldom(*, anew):
        nonlocal looks
        looks += 1
        if looks in (1, 4, 5):
            raise ArmError("the controller refused get_reduced_states: code 7")
        return FakeArm.read_limits(arm, anew=anew)

    arm.read_limits = fail_seldom
    until(lambda: looks == 7)
    assert ready.status().phase == Phase.READY


def test_a_pause_before_limits_cannot_be_read_is_no_time_in_which_they_could_not(ready, arm):
    # As a gripper that takes its time makes one.
    arm.gripper_free.clear()
    until(lambda: "grip" in arm.calls, lambda: follow(ready, START, 0.05))
    time.sleep(3.5)
    limits_hidden(arm, ready)
    arm.gripper_free.set()
    time.sleep(0.5)
    assert ready.status().phase == Phase.READY


class StubbornStop:
    """A controller that does not take a stop the first times that it is told to."""

    def __init__(self, arm, failures):
        self._stop, self.left, self.told = arm.stop, failures, []
        arm.stop = self

    def __call__(self):
        self.told.append(time.monotonic())
        self.left -= 1
        if self.left >= 0:
            raise ArmError("the controller refused set_state: code 7")
        self._stop()


UNTOLD = "; the controller has not been told to stop: the controller refused set_state: code 7"


def test_a_stop_that_failed_is_told_and_tried_again_until_it_is_done(ready, arm):
    stop = StubbornStop(arm, 1)
    ready.stop()
    until(lambda: ready.status().reason == "the arm was told to stop" + UNTOLD)
    assert (ready.status().phase, ready.stands) == (Phase.STOPPED, False)
    until(lambda: ready.stands)
    assert ready.status().reason == "the arm was told to stop"
    assert stop.told[1] - stop.told[0] >= 0.5
    time.sleep(1.2)
    assert (len(stop.told), arm.state) == (2, 4)


def test_a_recovery_that_fails_and_cannot_stop_the_controller_stops_it_later(ready, arm):
    ready.stop()
    until(lambda: ready.stands)
    stop = StubbornStop(arm, 1)
    arm.enable_gripper = unforeseen
    with pytest.raises(OSError, match="unforeseen"):
        ready.recover(lambda _: None)
    assert arm.state == 2
    until(lambda: ready.stands)
    assert (len(stop.told), arm.state) == (2, 4)


def test_a_stop_that_is_owed_is_forgotten_by_a_recovery(ready, arm):
    stop = StubbornStop(arm, 1)
    ready.stop()
    until(lambda: stop.told)
    ready.recover(lambda _: None)
    time.sleep(0.8)
    assert ready.status().phase == Phase.READY
    assert len(stop.told) == 1


def test_a_controller_that_is_not_connected_is_not_told_to_stop_again_and_again(ready, arm):
    unplugged(arm, ready)
    until(lambda: ready.status().phase == Phase.STOPPED)
    until(lambda: ready.stands)
    assert ready.status().reason == "the connection to the controller is lost"
    told = arm.calls.count("stop")
    time.sleep(0.8)
    assert arm.calls.count("stop") == told


def stop_slowly(arm):
    stop, answers = arm.stop, threading.Event()

    def wait_and_stop():
        answers.wait(PATIENCE / 4)
        stop()

    arm.stop = wait_and_stop
    return answers


def test_an_arm_has_stopped_for_all_before_its_controller_has_answered(ready, arm):
    answers = stop_slowly(arm)
    ready.stop()
    until(lambda: ready.status().phase == Phase.STOPPED)
    assert ready.status().reason == "the arm was told to stop"
    assert "takes no commands: the arm was told to stop" in ready.command(command())
    assert not ready.stands
    answers.set()
    until(lambda: ready.stands)
    assert arm.state == 4


@pytest.mark.parametrize("moving", [True, False])
def test_the_first_that_is_said_of_a_stop_is_the_controllers_error(ready, arm, moving):
    # Which comes later with the reports than the state, and is asked for.
    if moving:
        until(lambda: arm.moves, lambda: follow(ready))
    answers = stop_slowly(arm)
    arm.fault = lambda: (31, 0)
    if moving:
        arm.move_failure = ArmError("the controller refused vc_set_cartesian_velocity")
    else:
        arm.state = 4
    until(lambda: ready.status().phase == Phase.STOPPED, lambda: ready.command(command()))
    assert "controller error 31: the arm hit something" in ready.status().reason
    answers.set()


def test_a_recovery_fails_while_the_cause_is_there_and_enables_nothing(ready, arm):
    arm.fail(2)
    arm.stuck_error = 2
    until(lambda: ready.status().phase == Phase.STOPPED)
    with pytest.raises(ArmError, match=r"controller error 2: .*release the emergency stop"):
        ready.recover(lambda _: None)
    assert (ready.status().phase, arm.motors, arm.state) == (Phase.STOPPED, False, 4)
    arm.stuck_error = 0
    ready.recover(lambda _: None)
    assert ready.status().phase == Phase.READY


@pytest.mark.parametrize("breaks", ["clear", "set_limits", "enable_gripper"])
def test_a_recovery_that_breaks_by_what_nobody_foresaw_leaves_the_arm_stopped(ready, arm, breaks):
    ready.stop()
    until(lambda: ready.status().phase == Phase.STOPPED)
    setattr(arm, breaks, unforeseen)
    before = arm.calls.count("stop")
    with pytest.raises(OSError, match="unforeseen"):
        ready.recover(lambda _: None)
    assert (ready.status().phase, arm.state) == (Phase.STOPPED, 4)
    assert arm.calls.count("stop") == before + 1


def test_enabling_that_breaks_by_what_nobody_foresaw_leaves_the_motors_off(make, arm):
    driver = make()
    driver.configure()
    arm.enable_gripper = unforeseen
    with pytest.raises(OSError, match="unforeseen"):
        driver.enable()
    assert (driver.status().phase, arm.motors, arm.state) == (Phase.IDLE, False, 4)


def test_a_recovery_fails_when_limits_do_not_read_back_and_leaves_the_arm_stopped(ready, arm):
    ready.stop()
    until(lambda: ready.status().phase == Phase.STOPPED)
    arm.forced = {"tool_speed": 1.0}
    with pytest.raises(ArmError, match=r"tool speed is 1.0 and was set to 0.3"):
        ready.recover(lambda _: None)
    assert (ready.status().phase, arm.state) == (Phase.STOPPED, 4)


def test_a_lost_arm_is_connected_again_only_when_it_can_be_reached(ready, arm):
    arm.connected, arm.reachable = False, False
    until(lambda: ready.status().phase == Phase.STOPPED)
    with pytest.raises(ArmLost):
        ready.recover(lambda _: None)
    assert ready.status().phase == Phase.STOPPED
    arm.reachable = True
    ready.recover(lambda _: None)
    assert ready.status().phase == Phase.READY


def test_an_arm_that_takes_commands_is_not_touched_by_a_recovery(ready, arm):
    calls = [call for call in arm.calls if call != "opening"]
    ready.recover(lambda _: None)
    after = [call for call in arm.calls if call not in ("opening", "look_at_limits")]
    assert after == [call for call in calls if call != "look_at_limits"]


def test_a_driver_that_was_never_connected_cannot_be_recovered(make):
    with pytest.raises(ArmError, match="configure"):
        make().recover(lambda _: None)


class LastInTheQueue:
    """A lock that one thread gets only when the others have done what they had to."""

    def __init__(self, lock, last):
        self._lock, self._last = lock, last
        self.waits, self.done = threading.Event(), threading.Event()

    def __enter__(self):
        if threading.current_thread().name == self._last:
            self.waits.set()
            self.done.wait(PATIENCE)
        return self._lock.__enter__()

    def __exit__(self, *raised):
        return self._lock.__exit__(*raised)


def test_a_recovery_that_waits_while_the_driver_is_closed_does_not_connect_again(ready, arm):
    failures = []

    def recover():
        try:
            ready.recover(lambda _: None)
        except ArmError as error:
            failures.append(str(error))

    lock = ready._telling = LastInTheQueue(ready._telling, "recovery")
    waiting = threading.Thread(target=recover, name="recovery")
    waiting.start()
    assert lock.waits.wait(PATIENCE)
    ready.close()
    lock.done.set()
    waiting.join()
    assert not arm.connected
    assert ready.status().phase == Phase.OFFLINE
    assert failures == ["the arm is not connected; configure its node"]


def test_a_stop_during_a_recovery_is_not_lost(ready):
    ready.stop("first")
    until(lambda: ready.status().phase == Phase.STOPPED)
    ready.recover(lambda _: ready.stop("second"))
    until(lambda: ready.status().reason == "second")
    assert ready.status().phase == Phase.STOPPED


def test_a_disconnected_idle_arm_is_offline(make, arm):
    driver = make()
    driver.configure()
    arm.connected = False
    until(lambda: driver.status().phase == Phase.OFFLINE)
    assert driver.status().reason == "the connection to the controller is lost"


def test_disabling_brings_a_moving_arm_to_rest_first(ready, arm):
    follow(ready)
    until(lambda: np.linalg.norm(arm.twist.linear) > 0.1, lambda: follow(ready))
    ready.disable()
    assert arm.twist.still
    assert not arm.motors
    assert ready.status().phase == Phase.IDLE


def test_a_silent_controller_cannot_keep_the_driver_from_closing(ready, arm):
    until(lambda: arm.moves, lambda: follow(ready))
    arm.connected = False
    ready.close()
    assert ready.status().phase == Phase.OFFLINE


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_fault_has_a_meaning_and_a_remedy(code):
    sentence = describe(code)
    assert sentence.startswith(f"controller error {code}: ")
    assert all(FAULTS[code])


def test_an_unknown_fault_is_not_hidden():
    assert describe(199) == (
        "controller error 199: not in the list we have; see the maker's manual"
    )
