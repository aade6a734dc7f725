"""What happens when processes die, stall, compete or lose messages: with real processes."""

import contextlib
import itertools
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rclpy
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String

from polytask_contract.conformance import flat
from polytask_contract.errors import EnvironmentBusy, EnvironmentLost, ResetFailed, UnknownName
from polytask_contract.specification import Observations
from polytask_msgs.action import ResetEnvironment
from polytask_msgs.msg import Observation
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.suites.point import PointSuite
from polytask_tests.asking import action_client
from polytask_tests.slow_server import BROKEN, FAR, UNREACHABLE

TASK = "north_east"
TIMEOUT = 4.0
# In which what is to come has come, however busy the machine is [s].
PATIENCE = 30.0
ACTIONS = np.random.default_rng(7).uniform(-1, 1, (20, 2)).astype(np.float32)


@pytest.fixture(autouse=True)
def ros():
    initialize()
    yield
    rclpy.try_shutdown()


numbers = itertools.count()


@pytest.fixture
def namespace():
    """A namespace of its own for each test: what the one before left behind is out of sight."""
    return f"/fault_{next(numbers)}"


@pytest.fixture
def start(namespace):
    """Start nodes in the test's namespace, and end them with it."""
    with contextlib.ExitStack() as stack:

        def start(*command, **options):
            command = command or (executable("polytask_sim", "sim_environment"),)
            return stack.enter_context(NodeProcess(*command, namespace=namespace, **options))

        yield start


@pytest.fixture
def connect(namespace):
    """Make clients in the test's namespace, and close them with it."""
    made = []

    def meet():
        # A server that has just been started may take longer to be there than to answer.
        with contextlib.suppress(EnvironmentLost):
            return RosEnvironment(TASK, namespace=namespace, timeout=TIMEOUT)

    def connect(**options):
        if options:
            options = {"timeout": TIMEOUT, **options}
            made.append(RosEnvironment(TASK, namespace=namespace, **options))
        else:
            made.append(until(meet, PATIENCE))
        return made[-1]

    yield connect
    for environment in made:
        environment.close()


def live(environment, seed=5, actions=ACTIONS):
    """Return the trace of an episode."""
    return [flat(environment.reset(seed)), *(flat(environment.step(action)) for action in actions)]


@pytest.fixture(scope="module")
def undisturbed():
    """The episode as it is in process, where nothing can be lost."""
    return live(PointSuite().make(TASK, 0, Observations()))


def until(what, seconds):
    """Return what `what` returns once that is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s")


def wait_for_observation(environment, condition):
    """Take observations up without a step, until there are some that `condition` is true of."""
    inbox = environment._link._inbox
    observations, _ = inbox.messages
    until(lambda: inbox.wait(0) or (observations and condition(observations)), PATIENCE)


def has_ended(observations):
    return observations[-1].step_type == Observation.LAST


def reset_when_possible(environment):
    try:
        return environment.reset(5)
    except (EnvironmentBusy, EnvironmentLost):
        return None


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP, signal.SIGINT])
def test_a_server_that_ends_or_stalls_is_noticed_and_works_again_when_it_is_back(
    start, connect, undisturbed, fault
):
    server = start()
    environment = connect()
    environment.reset(1)
    environment.step(ACTIONS[0])
    server.signal(fault)
    if fault == signal.SIGINT:
        # The server says that it ends: the episode is stopped, not lost.
        assert server.wait(PATIENCE) == 0
        assert environment.step(ACTIONS[1]).last()
        assert environment.ending_message == "the server ends"
    else:
        begun = time.monotonic()
        with pytest.raises(EnvironmentLost, match=r"did not answer within 4 s|server is gone"):
            environment.step(ACTIONS[1])
        assert time.monotonic() - begun < TIMEOUT + 1
    with pytest.raises(EnvironmentLost):
        environment.reset(1)
    if fault == signal.SIGSTOP:
        server.signal(signal.SIGCONT)
    else:
        start()
    assert live(environment) == undisturbed


def test_an_episode_that_a_restarted_server_does_not_know_is_lost(start, connect, undisturbed):
    server = start()
    environment = connect(timeout=20.0)
    environment.reset(1)
    server.kill()
    start()
    with pytest.raises(EnvironmentLost, match=r"was restarted|server is gone"):
        environment.step(ACTIONS[0])
    assert live(environment) == undisturbed


def test_no_server_at_all_is_said_in_time(connect):
    begun = time.monotonic()
    with pytest.raises(EnvironmentLost, match=r"/environment/observation.*within 1 s"):
        connect(timeout=1.0)
    assert time.monotonic() - begun < 3


def test_a_killed_client_frees_the_environment_and_the_next_starts_clean(
    start, connect, undisturbed, namespace
):
    start()
    command = [sys.executable, "-m", "polytask_tests.abandoning_client", namespace]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == "under way\n"
        environment = connect()
        with pytest.raises(EnvironmentBusy, match=r"/environment_client_\w+ holds the environment"):
            environment.reset(5)
        client.kill()
    until(lambda: reset_when_possible(environment), PATIENCE)
    assert live(environment) == undisturbed


def test_a_reset_does_not_outlive_its_client(start, connect, namespace):
    server = start(
        sys.executable, "-m", "polytask_tests.slow_server", stdout=subprocess.PIPE, text=True
    )
    command = [sys.executable, "-m", "polytask_tests.abandoning_client", namespace, str(FAR)]
    with subprocess.Popen(command) as client:
        assert server.output.readline() == "still driving\n"
        client.kill()
    assert server.output.readline() == "reset broken off\n"
    assert re.match("stopped: .*/environment_client_.* is gone", server.output.readline())
    environment = connect()
    until(lambda: reset_when_possible(environment), PATIENCE)


def test_a_client_that_stalls_is_given_up_after_the_configured_silence(start, connect, undisturbed):
    # As long as nobody who is only held up is silent for.
    start(parameters={"client_timeout": 5.0})
    silent, environment = connect(), connect()
    silent.reset(1)
    until(lambda: reset_when_possible(environment), PATIENCE)
    # It learns why when it wakes up.
    assert silent.step(ACTIONS[0]).last()
    assert "was silent for" in silent.ending_message
    assert live(environment) == undisturbed


def test_a_second_client_is_refused_and_the_first_is_not_disturbed(start, connect, undisturbed):
    start()
    first, second = connect(), connect()
    trace = [flat(first.reset(5))]
    for action in ACTIONS:
        with pytest.raises(EnvironmentBusy, match=r"environment_client_\w+ holds the environment"):
            second.reset(1)
        trace.append(flat(first.step(action)))
    assert trace == undisturbed
    first.close()
    assert live(second) == undisturbed


@contextlib.contextmanager
def resetting(name, namespace):
    """Give a node and its client of the environment's reset."""
    node = rclpy.create_node(name, namespace=namespace)

    def wait_for(done):
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "waited in vain"
            rclpy.spin_once(node, timeout_sec=0.05)

    with action_client(node, wait_for, ResetEnvironment, names.RESET) as client:
        yield node, client
    node.destroy_node()


def test_a_cancelled_reset_breaks_off_and_the_next_begins_clean(start, connect, namespace):
    server = start(
        sys.executable, "-m", "polytask_tests.slow_server", stdout=subprocess.PIPE, text=True
    )
    environment = connect()
    phases = []
    with resetting("canceller", namespace) as (node, client):
        goal = ResetEnvironment.Goal(task=TASK, seed=FAR, client=node.get_fully_qualified_name())
        sending = client.send_goal_async(goal, lambda message: phases.append(message.feedback))
        rclpy.spin_until_future_complete(node, sending, timeout_sec=PATIENCE)
        with pytest.raises(EnvironmentBusy, match="/canceller is under way"):
            environment.reset(1)
        while len(phases) < 3:
            rclpy.spin_once(node, timeout_sec=1)
        assert phases[2].phase == "driving to the start"
        assert 0 < phases[2].progress < 1
        sending.result().cancel_goal_async()
        ending = sending.result().get_result_async()
        rclpy.spin_until_future_complete(node, ending, timeout_sec=PATIENCE)
        assert ending.result().result.code == ResetEnvironment.Result.CANCELED
    said = iter(server.output.readline, "")
    # Whether it had been on its way for long depends on how soon it was cancelled.
    assert next(line for line in said if line != "still driving\n") == "reset broken off\n"
    assert next(said) == "stopped: the reset was cancelled\n"
    assert environment.reset(1).first()


def test_a_reset_that_fails_says_why_and_another_one_may_succeed(start, connect):
    start(sys.executable, "-m", "polytask_tests.slow_server", stdout=subprocess.DEVNULL)
    environment = connect()
    with pytest.raises(ResetFailed, match="the start cannot be reached from here"):
        environment.reset(UNREACHABLE)
    with pytest.raises(ResetFailed, match="the server broke off; its log says why"):
        environment.reset(BROKEN)
    assert environment.turn is None
    assert environment.reset(1).first()


def test_a_link_that_loses_turns_loses_no_step(start, connect, undisturbed):
    start()
    link = start(
        sys.executable, "-m", "polytask_tests.lossy_link", stderr=subprocess.PIPE, text=True
    )
    remap = ["-r", "environment/observation:=lossy/observation"]
    remap += ["-r", "environment/action:=lossy/action"]
    environment = connect(arguments=["--ros-args", *remap], timeout=10.0)
    assert live(environment) == undisturbed
    link.stop()
    lost = link.errors.read()
    assert lost.count("lost Observation") >= 5
    assert lost.count("lost Action") >= 5


@pytest.mark.parametrize("pacing", ["lockstep", "realtime"])
def test_a_clock_that_goes_backwards_stops_nothing(start, connect, namespace, pacing):
    start(parameters={"use_sim_time": True, "pacing": pacing, "hold_periods": 100})
    node = rclpy.create_node("clock", namespace=namespace)
    # The clock is an absolute topic; the tests' domain keeps it to this run.
    publisher = node.create_publisher(ClockMessage, "/clock", 10)
    until(publisher.get_subscription_count, PATIENCE)
    environment = connect()
    stamps = []
    for seconds in (1000, 1001, 10, 11):
        publisher.publish(ClockMessage(clock=rclpy.time.Time(seconds=seconds).to_msg()))
        time.sleep(0.2)
        timestep = environment.reset(5) if not stamps else environment.step(ACTIONS[0])
        assert not timestep.last()
        stamps.append(environment.stamp)
    assert stamps == [1000.0, 1001.0, 10.0, 11.0]
    node.destroy_node()


def test_a_late_client_in_real_time_is_stopped_and_told(start, connect):
    start(parameters={"pacing": "realtime", "hold_periods": 15})
    environment = connect()
    environment.reset(5)
    for _ in range(5):
        assert environment.step(ACTIONS[0]).mid()
    wait_for_observation(environment, has_ended)
    timestep = environment.step(ACTIONS[0])
    assert timestep.last()
    assert timestep.discount == 1.0
    assert re.fullmatch(r"no action came in time; \d+ were missed", environment.ending_message)
    assert environment.reset(5).first()


def test_what_came_before_a_reset_was_answered_is_not_lost(start, connect):
    start(parameters={"pacing": "realtime", "hold_periods": 0})
    environment = connect()

    def late():
        # The episode has ended, and its end was taken up, before the result of the reset is.
        time.sleep(0.3)
        environment._link._inbox.wait(0)

    environment._link._waiting = late
    assert environment.reset(5).first()
    assert environment.step(ACTIONS[0]).last()
    assert environment.ending_message == "no action came in time; 1 were missed"


def test_an_end_that_a_refusal_overtook_is_told_with_its_reason(start, connect):
    start(parameters={"pacing": "realtime", "hold_periods": 2})
    environment = connect()
    environment.reset(5)
    wait_for_observation(environment, has_ended)
    inbox = environment._link._inbox
    observations, refusals = inbox.messages
    wait, held, refused = inbox.wait, list(observations), []
    observations.clear()

    def overtaken(seconds):
        wait(seconds)
        if refused:
            observations[:0] = held
            held.clear()
        else:
            held.extend(observations)
            observations.clear()
            refused.extend(refusals)

    inbox.wait = overtaken
    timestep = environment.step(ACTIONS[0])
    assert refused
    assert timestep.last()
    assert environment.ending_message == "no action came in time; 3 were missed"


def test_real_time_moves_on_between_two_steps_and_loses_no_reward(start, connect):
    start(parameters={"pacing": "realtime", "hold_periods": 100})
    environment = connect()
    environment.reset(5)
    # Of all periods that have passed; the world stays where it is.
    reward = environment.step(np.zeros(2)).reward / environment.turn.step
    before = environment.turn.step
    wait_for_observation(environment, lambda observations: len(observations) >= 5)
    timestep = environment.step(np.zeros(2))
    # Five periods or more passed unanswered, and one was answered.
    passed = environment.turn.step - before
    assert passed >= 6
    assert timestep.reward == pytest.approx(passed * reward, rel=0.2)


def test_a_step_in_real_time_ends_with_a_turn_that_its_action_moved(start, connect, monkeypatch):
    start(parameters={"pacing": "realtime", "hold_periods": 100})
    environment = connect()
    environment.reset(5)
    before = environment.step(np.zeros(2)).observation["state"][0]
    ask = environment._link.ask

    def ask_late(action):
        monkeypatch.setattr(environment._link, "ask", ask)
        time.sleep(0.15)
        return ask(action)

    monkeypatch.setattr(environment._link, "ask", ask_late)
    after = environment.step([1.0, 0.0]).observation["state"][0]
    # The period that went by while the action was held up moved nothing.
    assert after - before == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"suite": "nowhere"}, "there is no suite 'nowhere'; valid: dmc, kitchen"),
        ({"pacing": "fast"}, "parameter pacing is 'fast'; valid: one of"),
        ({"image_height": -3}, "valid: from 0 to 4096"),
        ({"image_height": 0}, "image_height is 0 and image_width is 84; valid: both"),
        ({"image_higth": 3}, "no parameter is called 'image_higth'; valid: "),
        ({"state": "yes please"}, "parameter state is of another type; valid: bool"),
    ],
)
def test_a_server_with_a_bad_parameter_says_which_and_ends(start, parameters, text):
    process = start(parameters=parameters, stderr=subprocess.PIPE, text=True)
    assert process.wait(PATIENCE) == 1
    errors = process.errors.read()
    assert errors.startswith("error: ")
    assert text in errors
    assert "Traceback" not in errors


def test_an_unknown_task_is_refused_before_anything_moves(start, connect):
    start()
    environment = connect()
    with pytest.raises(UnknownName, match=r"'moon'; valid: north_west"):
        environment.task = "moon"
    environment.task = "south_west"
    assert environment.reset(1).first()


def test_the_server_itself_refuses_an_unknown_task_and_a_nameless_client(start, namespace):
    start()
    result = ResetEnvironment.Result
    with resetting("stranger", namespace) as (node, client):
        name = node.get_fully_qualified_name()
        for goal, code, text in [
            ({"task": "moon", "client": name}, result.UNKNOWN_TASK, "valid: north_west"),
            ({"task": TASK, "client": ""}, result.INVALID_GOAL, "client is empty"),
        ]:
            sending = client.send_goal_async(ResetEnvironment.Goal(seed=1, **goal))
            rclpy.spin_until_future_complete(node, sending, timeout_sec=PATIENCE)
            ending = sending.result().get_result_async()
            rclpy.spin_until_future_complete(node, ending, timeout_sec=PATIENCE)
            assert ending.result().result.code == code
            assert text in ending.result().result.message


@pytest.fixture
def halter(namespace):
    """Say to the environment that it shall stand still."""
    node = rclpy.create_node("halter", namespace=namespace)
    publisher = node.create_publisher(String, names.HALT, qos.EVENT)

    def halt(reason):
        until(publisher.get_subscription_count, PATIENCE)
        publisher.publish(String(data=reason))

    yield halt
    node.destroy_node()


def test_a_halt_fails_a_reset_under_way_and_the_next_one_works(start, connect, halter):
    server = start(
        sys.executable, "-m", "polytask_tests.slow_server", stdout=subprocess.PIPE, text=True
    )
    environment = connect()
    with ThreadPoolExecutor(1) as pool:
        reset = pool.submit(environment.reset, FAR)
        assert server.output.readline() == "still driving\n"
        halter("the button was let go")
        with pytest.raises(ResetFailed, match="the reset was halted: the button was let go"):
            reset.result()
    assert server.output.readline() == "reset broken off\n"
    assert server.output.readline() == "stopped: the button was let go\n"
    assert environment.reset(1).first()


def test_a_halt_in_real_time_ends_what_was_held_and_not_the_episode(start, connect, halter):
    start(parameters={"pacing": "realtime", "hold_periods": 100})
    environment = connect()
    environment.reset(5)
    environment.step(ACTIONS[0])
    halter("the button was let go")

    def rests():
        environment._link.arrived()
        time.sleep(0.25)
        arrived = environment._link.arrived()
        return arrived and not any(any(message.action) for message in arrived)

    until(rests, PATIENCE)
    assert environment.step(ACTIONS[1]).mid()


def test_every_observation_tells_the_action_that_led_to_it(start, connect):
    start()
    environment = connect()
    environment.reset(5)
    assert not environment._newest.action
    for action in ACTIONS[:5]:
        environment.step(action)
        assert np.array_equal(np.frombuffer(environment._newest.action, np.float32), action)
