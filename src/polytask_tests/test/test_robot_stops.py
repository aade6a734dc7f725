"""What stops the robot, and how it goes on: every part is a real process, and dies as one.

How fast each stop is, benchmarks/stop.py measures.
"""

import itertools
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from polytask_contract.environment import Turn
from polytask_contract.errors import EnvironmentLost, ResetFailed
from polytask_msgs.msg import Action, ArmStatus, OperatorEvent
from polytask_ros import names, qos
from polytask_ros.messages import packed
from polytask_ros.ros_environment import RosEnvironment
from polytask_tests.robot_under_test import REAL_ADDRESS, UNHURRIED, RobotUnderTest, is_after

REST = np.zeros(4, np.float32)
# Along y, where there is room for several steps from anywhere in the start.
ASIDE = np.array([0.0, 1.0, 0.0, 0.0], np.float32)
numbers = itertools.count()
by_fault = pytest.mark.skipif(
    bool(REAL_ADDRESS), reason="only an emulator fails when it is told to"
)

BY_DEFAULT = {
    "arm": UNHURRIED["arm"],
    "environment": {**UNHURRIED["environment"], "hold_periods": 25, "reset.speed": 0.2},
}


def robot_of(**options):
    given = options.pop("parameters", {})
    parameters = {
        **given,
        **{part: {**usual, **given.get(part, {})} for part, usual in BY_DEFAULT.items()},
    }
    return RobotUnderTest(f"/stops_{next(numbers)}", parameters=parameters, **options)


@pytest.fixture(scope="module")
def shared_robot():
    """One robot for the tests that leave it as it was."""
    with robot_of() as robot:
        yield robot


@pytest.fixture
def robot(shared_robot):
    """Give the shared robot, at work again should a pause of the machine have stopped it."""
    shared_robot.make_ready()
    return shared_robot


@pytest.fixture
def connect():
    """Make clients of a robot, and close them with the test."""
    made = []

    def connect(robot, task="reach"):
        made.append(RosEnvironment(task, namespace=robot.namespace, timeout=20.0))
        return made[-1]

    yield connect
    for environment in made:
        environment.close()


def last(environment):
    """Act until the episode has ended, and return why it was stopped."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if environment.step(REST).last():
            return environment.ending_message
    pytest.fail("the episode goes on")


def places(robot, seconds=0.5):
    """Return where the tool is said to be from now on."""
    begun = robot.node.get_clock().now()

    def since():
        return [message for _, message in robot.poses if is_after(message, begun)]

    robot.poses.clear()
    robot.until(since)
    robot.spin(seconds)
    points = [message.pose.position for message in since()]
    return np.array([[point.x, point.y, point.z] for point in points])


def assert_still(robot):
    """Assert that the tool stays within a millimetre."""
    robot.until(lambda: not robot.statuses[-1].moving)
    seen = places(robot)
    assert np.ptp(seen, axis=0).max() < 0.001


def assert_recovers(robot, environment):
    """Assert that one recovery is enough, once the cause is gone, and that an episode begins."""
    deadline = time.monotonic() + 30
    recovered = robot.recover()
    # On a busy machine the emulated controller is late now and then.
    while "did not answer" in recovered.message and time.monotonic() < deadline:
        recovered = robot.recover()
    assert recovered.code == recovered.SUCCESS, recovered.message
    robot.until(lambda: robot.phase == ArmStatus.READY)
    assert environment.reset(1).first()


def test_an_environment_that_is_killed_at_speed_leaves_an_arm_that_stands_still(connect):
    with robot_of() as robot:
        environment = connect(robot)
        environment.reset(1)
        environment.step(ASIDE)
        expired = robot.statuses[-1].expired
        environment._link._actions.publish(_action(environment.turn, ASIDE))
        robot.processes["environment"].kill()
        # Counted first, and named with the next status.
        robot.until(lambda: robot.statuses[-1].expired > expired)
        robot.until(lambda: "no command that counts came" in robot.statuses[-1].reason)
        assert robot.phase == ArmStatus.READY
        assert_still(robot)
        with pytest.raises(EnvironmentLost):
            environment.step(ASIDE)
        robot.start("environment")
        assert connect(robot).reset(1).first()


def test_a_client_that_falls_silent_is_missed_then_stopped(connect):
    with robot_of(parameters={"environment": {"hold_periods": 2, "control_period": 0.1}}) as robot:
        environment = connect(robot)
        environment.reset(1)
        environment.step(ASIDE)
        robot.until(lambda: robot.observations and robot.observations[-1].ending_message)
        assert "no action came in time" in robot.observations[-1].ending_message
        assert_still(robot)


def test_a_halt_stops_the_tool_in_mid_step_and_the_episode_goes_on(connect):
    # So slow that a step takes most of its period; and it is the halt that ends the command.
    slow = {"speed": 0.08, "command_timeout": 0.5}
    with robot_of(parameters={"arm": slow}) as robot:
        environment = connect(robot)
        # Found before the episode begins, which waits for its first action but not for ever.
        publisher = robot.node.create_publisher(String, names.HALT, qos.EVENT)
        robot.until(publisher.get_subscription_count)
        environment.reset(1)
        before = places(robot, 0.1)[-1][1]
        answered = None

        def moves():
            # The world does not wait: where a turn has passed, the next one is answered.
            nonlocal answered
            newest = robot.observations[-1] if robot.observations else None
            turn = environment.turn
            if newest is not None and newest.episode == turn.episode:
                turn = Turn(newest.episode, max(newest.step, turn.step))
            moved = robot.poses[-1][1].pose.position.y > before + 0.003
            if not moved and turn != answered and not (answered and _acted(newest)):
                answered = turn
                environment._link._actions.publish(_action(turn, ASIDE))
            return moved

        robot.until(moves)
        publisher.publish(String(data="the button was let go"))
        assert_still(robot)
        assert places(robot, 0.1)[-1][1] < before + 0.022
        robot.until(lambda: "told to rest" in robot.statuses[-1].reason)
        assert environment.step(REST).mid()


@by_fault
@pytest.mark.parametrize("code", [21, 31, 60])
def test_a_controllers_error_ends_the_episode_and_one_action_recovers(robot, connect, code):
    environment = connect(robot)
    environment.reset(2)
    environment.step(ASIDE)
    robot.set_fault("error", code)
    assert f"error {code}" in last(environment)
    robot.until(lambda: robot.phase == ArmStatus.STOPPED)
    robot.until(lambda: robot.statuses[-1].error_code == code)
    assert_still(robot)
    with pytest.raises(ResetFailed, match=f"error {code}"):
        environment.reset(2)
    # Nothing but the recovery clears it.
    assert robot.statuses[-1].error_code == code
    assert_recovers(robot, environment)


@by_fault
def test_an_emergency_stop_stays_until_it_is_released_and_then_recovers(robot, connect):
    environment = connect(robot)
    environment.reset(3)
    robot.set_fault("emergency_stop", True)
    assert "emergency" in last(environment)
    refused = robot.recover()
    assert refused.code == refused.FAILED
    assert "emergency" in refused.message
    robot.set_fault("emergency_stop", False)
    assert_recovers(robot, environment)


def test_anybody_can_stop_the_arm_and_it_waits_for_a_recovery(robot, connect):
    environment = connect(robot)
    environment.reset(4)
    assert robot.ask("arm", Trigger, names.ARM_STOP, Trigger.Request()).success
    assert "stop" in last(environment)
    robot.until(lambda: robot.phase == ArmStatus.STOPPED)
    assert_recovers(robot, environment)


def test_a_reset_that_a_stop_ended_moves_nothing_after_the_recovery(robot, connect):
    environment = connect(robot)
    environment.reset(4)
    robot.until(lambda: not robot.statuses[-1].moving)
    with ThreadPoolExecutor(1) as pool:
        resetting = pool.submit(environment.reset, 5)
        robot.until(lambda: robot.statuses[-1].moving)
        assert robot.ask("arm", Trigger, names.ARM_STOP, Trigger.Request()).success
        with pytest.raises(ResetFailed, match="stop"):
            resetting.result()
    assert_still(robot)
    robot.make_ready()
    assert np.ptp(places(robot, 1.0), axis=0).max() < 0.001
    assert environment.reset(5).first()


@by_fault
def test_a_link_that_breaks_stops_the_arm_and_a_recovery_connects_again(robot, connect):
    environment = connect(robot)
    environment.reset(5)
    robot.set_fault("drop_control", True)
    assert last(environment)
    robot.until(lambda: robot.phase == ArmStatus.STOPPED)
    assert_recovers(robot, environment)


@by_fault
def test_a_controller_whose_reports_freeze_stops_the_arm(robot, connect):
    environment = connect(robot)
    environment.reset(6)
    robot.set_fault("stall_reports", True)
    assert last(environment)
    robot.until(lambda: robot.phase == ArmStatus.STOPPED)
    robot.set_fault("stall_reports", False)
    robot.until(lambda: robot.recover().code == 1)
    robot.until(lambda: robot.phase == ArmStatus.READY)
    assert environment.reset(6).first()


@by_fault
def test_a_controller_that_is_killed_stops_all_and_is_found_again(connect):
    with robot_of() as robot:
        environment = connect(robot)
        environment.reset(1)
        robot.processes["emulator"].kill()
        assert last(environment)
        robot.until(lambda: robot.phase == ArmStatus.STOPPED)
        gone = robot.recover()
        assert gone.code == gone.FAILED
        assert robot.address in gone.message
        robot.start("emulator")
        robot.until(lambda: robot.recover().code == 1)
        robot.until(lambda: robot.phase == ArmStatus.READY)
        assert environment.reset(1).first()


@pytest.mark.parametrize("moving", [False, True])
def test_an_arm_node_that_is_killed_leaves_a_controller_at_rest(connect, moving):
    with robot_of() as robot:
        environment = connect(robot)
        environment.reset(1)
        if moving:
            environment._link._actions.publish(_action(environment.turn, ASIDE))
            robot.until(lambda: robot.statuses[-1].moving)
        robot.processes["arm"].kill()
        assert re.search("tool pose|status of the arm", last(environment))
        # What the killed arm said last may yet be to come.
        begun = robot.node.get_clock().now()
        robot.start("arm")
        robot.until(lambda: robot.newer_status(begun).phase == ArmStatus.READY)
        assert_still(robot)
        assert environment.reset(1).first()


@by_fault
def test_a_camera_that_stalls_ends_the_episode_and_comes_back(connect):
    with robot_of(pictures=True) as robot:
        environment = connect(robot)
        environment.reset(1)
        robot.processes["camera"].signal(signal.SIGSTOP)
        assert "no picture came for" in last(environment)
        assert_still(robot)
        with pytest.raises(ResetFailed, match="no picture came for"):
            environment.reset(1)
        robot.processes["camera"].signal(signal.SIGCONT)
        assert environment.reset(1).first()


@by_fault
def test_a_camera_of_one_picture_a_second_is_too_slow(connect):
    slow = {"emulator": {"camera.rate": 1.0}, "environment": {"limits.picture_age": 0.5}}
    with robot_of(pictures=True, parameters=slow) as robot:
        environment = connect(robot)
        # A reset may end right after a picture, but no episode lasts.
        try:
            environment.reset(1)
            reason = last(environment)
        except ResetFailed as failed:
            reason = str(failed)
        assert "no picture came for" in reason


@by_fault
def test_a_clock_that_jumps_stops_nothing(connect):
    simulated = {part: {"use_sim_time": True} for part in ("emulator", "arm", "environment")}
    with robot_of(parameters=simulated) as robot:
        publisher = robot.node.create_publisher(ClockMessage, "/clock", 10)
        robot.until(lambda: publisher.get_subscription_count() >= len(simulated))
        environment = connect(robot)

        def set_clock(seconds):
            # Parts whose clocks differ refuse each other's commands, so that all must hear it.
            for _ in range(3):
                publisher.publish(ClockMessage(clock=rclpy.time.Time(seconds=seconds).to_msg()))
                robot.spin(0.1)

        set_clock(1000)
        environment.reset(1)
        for seconds in (1001, 4600, 2600):
            set_clock(seconds)
            assert environment.step(ASIDE).mid(), environment.ending_message


@pytest.mark.parametrize("transition", [None, Transition.TRANSITION_CONFIGURE])
def test_an_arm_node_that_is_killed_before_it_is_active_is_simply_started_again(transition):
    with robot_of(parameters={"arm": {"autostart": False}}, waits=False) as robot:
        if transition is not None:
            request = ChangeState.Request(transition=Transition(id=transition))
            assert robot.ask("arm", ChangeState, "arm/change_state", request).success
            robot.until(lambda: robot.phase == ArmStatus.IDLE)
        robot.processes["arm"].kill()
        robot.statuses.clear()
        robot.start("arm", autostart=True)
        robot.until(lambda: robot.phase == ArmStatus.READY)


def test_the_operators_word_is_the_success_of_the_episode_and_the_skew_is_told(connect):
    by_operator = {"success": "operator", "limits.skew": 0.05}
    with robot_of(parameters={"environment": by_operator}) as robot:
        told, skew = {}, "skew of the newest observation [s]"

        def hear(message):
            for status in message.status:
                if robot.namespace.strip("/") in status.name and status.name.endswith("senses"):
                    told.update({pair.key: pair.value for pair in status.values})

        robot.node.create_subscription(DiagnosticArray, names.DIAGNOSTICS, hear, qos.EVENT)
        events = robot.node.create_publisher(OperatorEvent, names.OPERATOR_EVENT, qos.EVENT)
        robot.until(events.get_subscription_count)
        environment = connect(robot)

        def torn(timestep):
            """Tell whether the machine paused one part for so long that the episode ended."""
            return timestep.last() and "from what else was sensed" in environment.ending_message

        def accomplished():
            """Live an episode up to its success; tell whether it lasted for so long."""
            assert not environment.reset(1).observation["success"]
            first = environment.step(REST)
            if torn(first):
                return False
            assert first.reward == 0.0
            events.publish(OperatorEvent(event=OperatorEvent.SUCCESS))
            timestep = first
            deadline = time.monotonic() + 20
            while not timestep.observation["success"]:
                assert time.monotonic() < deadline, "the operator's word came to nothing"
                timestep = environment.step(REST)
                if torn(timestep):
                    return False
            timestep = environment.step(REST)
            if torn(timestep):
                return False
            assert timestep.reward > 0.0
            return True

        robot.until(accomplished)
        assert not environment.reset(2).observation["success"]
        robot.until(lambda: told.get(skew, "none") != "none")
        assert 0.0 <= float(told[skew]) <= 0.05


def _acted(observation):
    return observation is not None and any(observation.action)


def _action(turn, values):
    return Action(episode=turn.episode, step=turn.step, values=packed(values, "f"))
