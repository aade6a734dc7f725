"""The recorder with real processes: what it keeps, and what it keeps when something dies."""

import contextlib
import itertools
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from ament_index_python.packages import get_package_share_directory
from mcap.reader import make_reader
from rcl_interfaces.srv import ListParameters
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from std_msgs.msg import Bool, String
from unique_identifier_msgs.msg import UUID

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.episode_file import read_episode, to_bytes
from polytask_contract.specification import Observations
from polytask_msgs.action import RecordDemonstration
from polytask_msgs.msg import Action, ActionRefusal, Observation, OperatorEvent
from polytask_ros import names, qos
from polytask_ros.messages import packed, timestep_of
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.suites.point import PointSuite
from polytask_tests.slow_server import FAR, UNREACHABLE
from polytask_xarm_driver.recording.message_definition import DefinitionNotFound, full_definition
from polytask_xarm_driver.recording.raw_file import RawFile, RawTopic
from polytask_xarm_driver.ros.raw_topics import definition_file, message_class

TASK = "north_east"
PATIENCE = 40.0
HOLD = 5
# Loses nothing of an episode while its process is not let run, as the recorder does not.
PATIENT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
Result = RecordDemonstration.Result
Feedback = RecordDemonstration.Feedback

numbers = itertools.count()


class Stage(Node):
    """Asks for recordings, plays the operator, and acts as the suite's script does."""

    def __init__(self, namespace):
        # Of its own, so that one stage may outlast others.
        context = Context()
        initialize(context=context)
        options = {"context": context, "start_parameter_services": False}
        super().__init__("stage", namespace=namespace, **options)
        self.script = PointSuite().demonstrator(TASK)
        # The step at which whoever acts falls silent.
        self.pause_at = None
        self.observations, self.feedback, self.refusals = [], [], []
        self._actions = self.create_publisher(Action, names.ACTION, qos.TURN)
        self._events = self.create_publisher(OperatorEvent, names.OPERATOR_EVENT, qos.EVENT)
        self.create_subscription(Observation, names.OBSERVATION, self._on_observation, PATIENT)
        self.create_subscription(ActionRefusal, names.REFUSAL, self.refusals.append, qos.TURN)
        # Of its own: an action's client drops the feedback that it has not read by the result.
        self._asked = UUID()
        self.create_subscription(
            RecordDemonstration.Impl.FeedbackMessage,
            f"{names.RECORD}/_action/feedback",
            self._on_feedback,
            PATIENT,
        )
        self._goals = ActionClient(self, RecordDemonstration, names.RECORD)
        self._parameters = self.create_client(ListParameters, "recorder/list_parameters")
        self.executor_ = SingleThreadedExecutor(context=context)
        self.executor_.add_node(self)

    def destroy_node(self):
        self._goals.destroy()
        self.executor_.shutdown()
        super().destroy_node()
        self.context.shutdown()

    def _on_feedback(self, message):
        if message.goal_id == self._asked:
            self.feedback.append(message.feedback)

    def _on_observation(self, message):
        self.observations.append(message)
        if message.step_type != Observation.LAST:
            self._answer(message)

    def _answer(self, message):
        if self.pause_at is not None and message.step >= self.pause_at:
            return
        values = packed(self.script(timestep_of(message)), "f")
        self._actions.publish(Action(episode=message.episode, step=message.step, values=values))

    def meet(self):
        """Wait until the environment and this node hear each other."""
        self.refusals.clear()
        asked = 0.0
        end = time.monotonic() + PATIENCE
        while not self.refusals:
            now = time.monotonic()
            assert now < end, "nobody answered"
            if now - asked > 0.2:
                asked = now
                self._actions.publish(Action(episode=1))
            self.executor_.spin_once(timeout_sec=0.05)

    def meet_recorder(self):
        """Wait until the recorder, too, knows where to send its answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self._parameters.call_async(ListParameters.Request())
            self.executor_.spin_until_future_complete(answer, timeout_sec=0.5)
            if answer.done():
                return
            self._parameters.remove_pending_request(answer)
        pytest.fail("nobody answered")

    def go_on(self):
        """Act again, from the observation that was not answered."""
        self.pause_at = None
        self._answer(self.observations[-1])

    def say(self, event):
        self.wait_for(self._events.get_subscription_count)
        self._events.publish(OperatorEvent(event=event))

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.executor_.spin_once(timeout_sec=0.05)

    def result_of(self, future):
        self.wait_for(future.done)
        return future.result()

    def ask(self, folder, **goal):
        """Return the handle of a goal."""
        self.wait_for(self._goals.server_is_ready)
        self.feedback.clear()
        self._asked = UUID(uuid=list(uuid.uuid4().bytes))
        fields = {"task": TASK, "count": 1, "folder": str(folder), "seed": 3, **goal}
        sending = self._goals.send_goal_async(
            RecordDemonstration.Goal(**fields), goal_uuid=self._asked
        )
        return self.result_of(sending)

    def outcome(self, handle):
        return self.result_of(handle.get_result_async()).result

    def record(self, folder, **goal):
        return self.outcome(self.ask(folder, **goal))

    def wait_for_feedback(self, **fields):
        self.wait_for(lambda: any(is_like(one, **fields) for one in self.feedback))

    def ends(self):
        """Return the last observations of the episodes that were seen."""
        return [one for one in self.observations if one.step_type == Observation.LAST]

    def is_alone(self, node):
        """Tell whether the graph has forgotten a node of this namespace."""
        return node not in self.get_node_names()


@pytest.fixture
def namespace():
    return f"/recorded_{next(numbers)}"


@pytest.fixture
def stage(namespace):
    node = Stage(namespace)
    yield node
    node.destroy_node()


@pytest.fixture
def start(namespace):
    """Start nodes in the test's namespace, and end them with it."""
    with contextlib.ExitStack() as stack:

        def start(*command, **options):
            return stack.enter_context(NodeProcess(*command, namespace=namespace, **options))

        yield start


@pytest.fixture
def serve(start, stage):
    def serve(*command, **options):
        server = start(*(command or (executable("polytask_sim", "sim_environment"),)), **options)
        stage.meet()
        return server

    return serve


@pytest.fixture
def recorder(start, stage):
    def recorder(**parameters):
        settings = {"wait_for_operator": False, "environment_timeout": 15.0, **parameters}
        process = start(executable("polytask_xarm_driver", "recorder"), parameters=settings)
        stage.meet_recorder()
        return process

    return recorder


def lived_here(seed):
    """Return the bytes of the episode that the script lives without ROS."""
    environment = PointSuite().make(TASK, 0, Observations())
    script = PointSuite().demonstrator(TASK)
    return to_bytes(attempt(environment, script, seed, hold=HOLD, source="teleoperation"))


def is_like(message, **fields):
    return all(getattr(message, name) == value for name, value in fields.items())


def names_below(folder):
    return sorted(path.name for path in folder.glob("**/*") if path.is_file())


def shown_below(folder):
    """Return the names of what people see: a killed writer leaves what nobody reads."""
    return [name for name in names_below(folder) if not name.startswith(".")]


def test_what_is_recorded_is_what_was_lived_and_is_shown(stage, serve, recorder, tmp_path):
    serve()
    recorder()
    store = tmp_path / "store"
    result = stage.record(store, count=2, raw_topics=["environment/observation", names.SPEC])
    assert (result.code, result.message) == (Result.SUCCESS, "")
    paths = [store / "point" / TASK / f"00000{number}.safetensors" for number in (0, 1)]
    assert result.files == [str(path) for path in paths]
    for seed, path in zip((3, 4), paths, strict=True):
        assert path.read_bytes() == lived_here(seed)
    # The result may be read before what was told ahead of it.
    for kept in (0, 1):
        stage.wait_for_feedback(kept=kept)
    for phase in (Feedback.RECORDING, Feedback.WRITING):
        stage.wait_for_feedback(phase=phase)
    command = [executable("polytask_contract", "polytask"), "demos", "show", store]
    shown = subprocess.run(
        [*command, "--output", tmp_path / "shown"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert names_below(tmp_path / "shown") == ["contact_sheet.png", "episodes.mp4"]
    for path in paths:
        check_raw_observations(path, stage.get_namespace())


def check_raw_observations(path, namespace):
    """Hold an MCAP file of observations against the episode beside it."""
    episode = read_episode(path)
    with AnyReader([path.with_suffix(".mcap")]) as bag:
        read = {}
        for connection, _, data in bag.messages():
            message = bag.deserialize(data, connection.msgtype)
            read.setdefault(connection.topic, []).append(message)
    (spec,) = read[f"{namespace}/{names.SPEC}"]
    assert spec.suite == "point"
    with path.with_suffix(".mcap").open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        assert {s.encoding for s in reader.get_summary().schemas.values()} == {"ros2msg"}
        (facts,) = reader.iter_metadata()
        arrivals = [message for _, _, message in reader.iter_messages()]
    # The file begins with the reset, when the end of the episode before may still arrive.
    number = int(facts.metadata["episode"])
    turns = [o for o in read[f"{namespace}/{names.OBSERVATION}"] if o.episode == number]
    assert [turn.step for turn in turns] == list(range(len(episode) + 1))
    assert np.array_equal([turn.state for turn in turns], episode.observations["state"])
    assert np.array_equal([turn.action for turn in turns[1:]], episode.actions)
    pictures = [turn.image.data.reshape(84, 84, 3) for turn in turns]
    assert np.array_equal(pictures, episode.observations["image"])
    stamps = [turn.header.stamp.sec * 10**9 + turn.header.stamp.nanosec for turn in turns]
    assert facts.metadata == {
        "suite": "point",
        "task": TASK,
        "seed": str(episode.seed),
        "episode": str(number),
        "stamps": " ".join(map(str, stamps)),
    }
    # What is published at once and arrives at once; the clock may be set, but not by a day.
    for message in arrivals:
        assert abs(message.log_time - stamps[0]) < 86400 * 10**9
        assert message.publish_time


def test_the_operator_begins_ends_and_gives_up(stage, serve, recorder, tmp_path):
    serve()
    recorder(wait_for_operator=True, hold_steps=0)
    stage.pause_at = 2
    handle = stage.ask(tmp_path, count=2, raw_topics=["environment/observation", names.SPEC])
    stage.wait_for_feedback(phase=Feedback.WAITING)
    assert stage.observations == []
    for event in (OperatorEvent.CANCEL, OperatorEvent.SUCCESS, OperatorEvent.SUCCESS):
        stage.feedback.clear()
        stage.say(OperatorEvent.START)
        stage.wait_for_feedback(phase=Feedback.RECORDING, step=2)
        stage.say(event)
        stage.wait_for(lambda: stage.feedback[-1].phase != Feedback.RECORDING)
    result = stage.outcome(handle)
    assert result.code == Result.SUCCESS
    for path in result.files:
        check_raw_observations(Path(path), stage.get_namespace())
    episodes = [read_episode(Path(path)) for path in result.files]
    # What was given up had the first seed.
    assert [episode.seed for episode in episodes] == [4, 5]
    for episode in episodes:
        # The world saw no success; the operator did.
        assert episode.successes == [False, True]
    # The world was stopped each time, and is nobody's now. The third end is told when the recorder
    # lets go, right before the result, and may be read after that.
    stage.wait_for(lambda: len(stage.ends()) >= 3)
    ends = stage.ends()
    assert [end.ending for end in ends] == [Observation.STOPPED] * 3
    assert ends[0].ending_message == f"{stage.get_namespace()}/recorder let go"


@pytest.mark.parametrize(
    ("raw_topics", "phase"),
    [
        ([], Feedback.RECORDING),
        (["environment/observation"], Feedback.RECORDING),
        (["environment/observation"], Feedback.WRITING),
    ],
)
def test_a_killed_recorder_loses_the_episode_in_progress_alone(
    stage, serve, recorder, tmp_path, raw_topics, phase
):
    serve()
    killed = recorder()
    stage.ask(tmp_path, count=30, raw_topics=raw_topics)
    stage.wait_for_feedback(kept=1)
    if phase == Feedback.RECORDING:
        stage.pause_at = 3
    step = {"step": 3} if phase == Feedback.RECORDING else {}
    stage.wait_for(lambda: is_like(stage.feedback[-1], phase=phase, **step))
    kept = stage.feedback[-1].kept
    killed.kill()
    whole = sorted(tmp_path.glob("**/*.safetensors"))
    # What was being written is there whole or not at all.
    assert len(whole) == kept if phase == Feedback.RECORDING else len(whole) >= kept
    assert [path.read_bytes() for path in whole] == [lived_here(3 + n) for n in range(len(whole))]
    stage.wait_for(lambda: stage.is_alone("recorder"))
    stage.pause_at = None
    recorder()
    result = stage.record(tmp_path, count=2, raw_topics=raw_topics)
    assert (result.code, result.message) == (Result.SUCCESS, "")
    count = len(whole) + 2
    paths = [tmp_path / "point" / TASK / f"{n:06d}.safetensors" for n in range(count)]
    assert result.files == [str(path) for path in paths[-2:]]
    # The seeds that the folder had already were passed over.
    assert [path.read_bytes() for path in paths] == [lived_here(3 + n) for n in range(count)]
    suffixes = [".safetensors", *([".mcap"] if raw_topics else [])]
    expected = [path.with_suffix(suffix).name for path in paths for suffix in suffixes]
    assert shown_below(tmp_path) == sorted(expected)
    for path in paths if raw_topics else ():
        with path.with_suffix(".mcap").open("rb") as file:
            assert make_reader(file).get_summary() is not None


def test_cancelling_keeps_what_is_finished(stage, serve, recorder, tmp_path):
    serve()
    recorder()
    handle = stage.ask(tmp_path, count=5, raw_topics=["environment/observation"])
    stage.wait_for_feedback(kept=1)
    stage.pause_at = 3
    stage.wait_for(lambda: is_like(stage.feedback[-1], phase=Feedback.RECORDING, step=3))
    kept = stage.feedback[-1].kept
    stage.result_of(handle.cancel_goal_async())
    result = stage.outcome(handle)
    assert result.code == Result.CANCELED
    assert result.message == f"cancelled; {kept} of 5 episodes were kept"
    assert len(result.files) == kept
    assert len(shown_below(tmp_path)) == 2 * kept
    # The environment is free, and so is the recorder.
    stage.pause_at = None
    assert stage.record(tmp_path).code == Result.SUCCESS


@pytest.mark.parametrize("waits", [True, False])
def test_cancelling_while_nothing_is_recorded_ends_at_once(stage, serve, recorder, tmp_path, waits):
    """Waiting for the operator, or for a reset that takes its time."""
    serve(sys.executable, "-m", "polytask_tests.slow_server")
    recorder(wait_for_operator=waits)
    # From far away: it must not be over before it is broken off.
    handle = stage.ask(tmp_path, seed=FAR)
    phase = Feedback.WAITING if waits else Feedback.RECORDING
    stage.wait_for_feedback(phase=phase)
    stage.result_of(handle.cancel_goal_async())
    assert stage.outcome(handle).code == Result.CANCELED
    assert stage.observations == []
    assert names_below(tmp_path) == [".recorder.lock"]


def test_the_operator_can_break_a_reset_off(stage, serve, recorder, tmp_path):
    server = serve(
        sys.executable, "-m", "polytask_tests.slow_server", stdout=subprocess.PIPE, text=True
    )
    recorder(wait_for_operator=True)
    # From far away: it must not be over before it is broken off. The next one is quick.
    handle = stage.ask(tmp_path, seed=FAR)
    stage.wait_for_feedback(phase=Feedback.WAITING)
    stage.say(OperatorEvent.START)
    stage.wait_for_feedback(phase=Feedback.RECORDING)
    stage.say(OperatorEvent.CANCEL)
    stage.wait_for_feedback(phase=Feedback.WAITING, discarded=1)
    # It may have said before that it is still driving.
    assert "reset broken off\n" in iter(server.output.readline, "")
    stage.say(OperatorEvent.START)
    assert stage.outcome(handle).code == Result.SUCCESS


def test_a_reset_that_fails_ends_the_recording(stage, serve, recorder, tmp_path):
    serve(sys.executable, "-m", "polytask_tests.slow_server")
    recorder()
    result = stage.record(tmp_path, seed=UNREACHABLE - 1, count=3)
    assert result.code == Result.FAILED
    assert result.message == ("the start cannot be reached from here; 1 of 3 episodes were kept")
    assert len(result.files) == 1


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGINT, signal.SIGSTOP])
def test_an_environment_that_goes_away_ends_the_recording(stage, serve, recorder, tmp_path, fault):
    server = serve()
    recorder(silence_timeout=4.0, environment_timeout=4.0)
    handle = stage.ask(tmp_path, count=5)
    stage.wait_for_feedback(kept=1)
    stage.pause_at = 3
    stage.wait_for(lambda: is_like(stage.feedback[-1], phase=Feedback.RECORDING, step=3))
    kept = stage.feedback[-1].kept
    server.signal(fault)
    result = stage.outcome(handle)
    assert result.code == Result.ENVIRONMENT_LOST
    assert result.message.endswith(f"; {kept} of 5 episodes were kept")
    assert len(result.files) == kept
    assert shown_below(tmp_path) == [Path(path).name for path in result.files]


def test_an_environment_that_was_restarted_is_not_taken_for_the_one_before(
    stage, serve, recorder, tmp_path
):
    server = serve()
    recorder()
    handle = stage.ask(tmp_path, count=30)
    stage.wait_for_feedback(kept=1)
    stage.pause_at = 3
    stage.wait_for(lambda: is_like(stage.feedback[-1], phase=Feedback.RECORDING, step=3))
    server.kill()
    serve(parameters={"image_height": 0, "image_width": 0})
    assert stage.outcome(handle).code == Result.ENVIRONMENT_LOST
    stage.pause_at = None
    # Nor are episodes with pictures and without mixed.
    mixed = stage.record(tmp_path)
    assert mixed.code == Result.INVALID_GOAL
    assert "what is to be added beside" in mixed.message
    other = stage.record(tmp_path / "other")
    assert other.code == Result.SUCCESS
    assert read_episode(Path(other.files[0])).form.image is None


def test_no_environment_at_all_is_said(stage, recorder, tmp_path):
    recorder(environment_timeout=1.0)
    result = stage.record(tmp_path)
    assert result.code == Result.ENVIRONMENT_LOST
    place = f"{stage.get_namespace()}/{names.OBSERVATION}"
    assert result.message == f"no environment on {place} was found within 1 s"
    assert names_below(tmp_path) == []


def test_an_episode_that_is_stopped_is_thrown_away_and_said(stage, serve, recorder, tmp_path):
    """In real time nobody acts any more after a few steps, again and again."""
    serve(parameters={"pacing": "realtime"})
    process = recorder(patience=2)
    stage.pause_at = 2
    result = stage.record(tmp_path, raw_topics=["environment/observation"])
    assert result.code == Result.FAILED
    assert result.message.startswith("2 episodes in a row were thrown away, the last one because")
    assert "the environment stopped it: no action came in time" in result.message
    assert process.running()
    # The result may be read before what was told ahead of it.
    stage.wait_for(lambda: any(one.discarded >= 1 for one in stage.feedback))
    assert names_below(tmp_path) == [".recorder.lock"]


def test_in_real_time_the_actions_are_those_that_the_world_took(stage, serve, recorder, tmp_path):
    serve(parameters={"pacing": "realtime", "hold_periods": 100})
    recorder()
    result = stage.record(tmp_path, raw_topics=[names.CAMERA_IMAGE])
    assert (result.code, result.message) == (Result.SUCCESS, "")
    (path,) = map(Path, result.files)
    episode = read_episode(path)
    # The result may be read before the observations that were published ahead of it.
    stage.wait_for(stage.ends)
    turns = [o for o in stage.observations if o.ending != Observation.STOPPED]
    taken = np.array([turn.action for turn in turns[1 : len(episode) + 1]])
    assert np.array_equal(taken, episode.actions)
    # Lived again with these actions, it is the same episode.
    environment = PointSuite().make(TASK, 0, Observations())
    environment.reset(3)
    states = [environment.step(action).observation["state"] for action in episode.actions]
    assert np.array_equal(states, episode.observations["state"][1:])
    # The camera's pictures are those of the episode's observations, and sent as best they can be.
    stamps = {(o.header.stamp.sec, o.header.stamp.nanosec) for o in stage.observations}
    with AnyReader([path.with_suffix(".mcap")]) as bag:
        pictures = [bag.deserialize(data, c.msgtype) for c, _, data in bag.messages()]
    assert pictures
    assert {(p.header.stamp.sec, p.header.stamp.nanosec) for p in pictures} <= stamps
    assert {(p.height, p.width, p.encoding) for p in pictures} == {(480, 640, "rgb8")}


# What is refused before anything moves


REFUSED = {
    "unknown task": (
        {"task": "hammer"},
        Result.UNKNOWN_TASK,
        "there is no task 'hammer'; valid: north_west",
    ),
    "no episode": ({"count": 0}, Result.INVALID_GOAL, "count is 0; valid: at least 1"),
    "no folder": ({"folder": ""}, Result.INVALID_GOAL, "folder is empty; valid: "),
    "a test's seed": ({"seed": 500_000}, Result.INVALID_GOAL, "is 500000; valid: 0 to 499999"),
    "not writable": ({"folder": "/dev/null/x"}, Result.NOT_WRITABLE, "cannot be written"),
    "no topic": (
        {"raw_topics": ["environment/spec", "joints"]},
        Result.INVALID_GOAL,
        "nobody publishes ",
    ),
    "no name": ({"raw_topics": ["7 up"]}, Result.INVALID_GOAL, "'7 up', which is no topic"),
    "empty name": ({"raw_topics": [""]}, Result.INVALID_GOAL, "'', which is no topic"),
    "two types": ({"raw_topics": ["double"]}, Result.INVALID_GOAL, "as std_msgs/msg/Bool and as"),
    "no message": (
        {"raw_topics": ["demonstrations/record/_action/feedback"]},
        Result.INVALID_GOAL,
        "no type of message; valid: such as",
    ),
}


@pytest.fixture(scope="module")
def refusing():
    """One environment and one recorder for all refusals: neither notices them."""
    namespace = f"/recorded_{next(numbers)}"
    node = Stage(namespace)
    node.create_publisher(Bool, "double", 10)
    # One process cannot publish a topic as two types, two can.
    context = Context()
    initialize(context=context)
    other = Node("other", namespace=namespace, context=context, start_parameter_services=False)
    other.create_publisher(String, "double", 10)
    settings = {"wait_for_operator": False, "environment_timeout": 3.0}
    with (
        NodeProcess(executable("polytask_sim", "sim_environment"), namespace=namespace),
        NodeProcess(
            executable("polytask_xarm_driver", "recorder"), parameters=settings, namespace=namespace
        ),
    ):
        # The environment, too, must be up before the recorder is asked, which waits for it briefly.
        node.meet()
        node.meet_recorder()
        yield node
    other.destroy_node()
    context.shutdown()
    node.destroy_node()


@pytest.mark.parametrize("case", REFUSED)
def test_a_goal_that_cannot_be_is_refused_before_anything_moves(refusing, tmp_path, case):
    goal, code, message = REFUSED[case]
    result = refusing.record(**{"folder": tmp_path / "store", **goal})
    assert (result.code, list(result.files)) == (code, [])
    assert message in result.message
    assert refusing.observations == []
    assert not (tmp_path / "store").exists()


def test_another_goal_or_holder_is_named(stage, serve, recorder, tmp_path):
    serve()
    recorder()
    stage.pause_at = 1
    handle = stage.ask(tmp_path)
    stage.wait_for_feedback(phase=Feedback.RECORDING, step=1)
    second = stage.record(tmp_path / "other")
    assert second.code == Result.BUSY
    assert second.message == f"a recording of {TASK} into {tmp_path} is under way"
    stage.go_on()
    assert stage.outcome(handle).code == Result.SUCCESS
    # Nobody else acts in the episode of whoever holds the environment now.
    stage.pause_at = 0
    holder = RosEnvironment(TASK, namespace=stage.get_namespace())
    holder.reset(1)
    third = stage.record(tmp_path, seed=9)
    assert third.code == Result.BUSY
    assert "environment_client_" in third.message
    assert third.message.endswith("; 0 of 1 episodes were kept")
    # Who holds the environment noticed nothing.
    assert not holder.step(np.zeros(2)).last()
    holder.close()


def test_the_recorder_ends_when_told_and_lets_the_environment_go(stage, serve, recorder, tmp_path):
    serve()
    process = recorder()
    stage.pause_at = 1
    stage.ask(tmp_path, raw_topics=["environment/observation"])
    stage.wait_for_feedback(phase=Feedback.RECORDING, step=1)
    process.signal(signal.SIGINT)
    assert process.wait(20) == 0
    stage.wait_for(lambda: stage.observations[-1].step_type == Observation.LAST)
    assert names_below(tmp_path) == [".recorder.lock"]


# Definitions of what is installed


PACKAGES = (
    *("builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "polytask_msgs", "rosgraph_msgs"),
    *("sensor_msgs", "std_msgs", "unique_identifier_msgs"),
)


def installed(package):
    folder = Path(get_package_share_directory(package), "msg")
    return [f"{package}/msg/{path.stem}" for path in sorted(folder.glob("*.msg"))]


def test_rosbags_learns_every_installed_message_from_a_file(tmp_path):
    kinds = [kind for package in PACKAGES for kind in installed(package)]
    assert len(kinds) > 90
    raw = RawFile(
        tmp_path,
        1,
        {kind: RawTopic(kind, kind, full_definition(kind, definition_file)) for kind in kinds},
    )
    for kind in kinds:
        raw.add(kind, b"", 1, 1)
    raw.complete({})
    raw.keep(tmp_path / "0.mcap")
    with AnyReader([tmp_path / "0.mcap"]) as bag:
        read = {kind: fields(bag.typestore.fielddefs[kind]) for kind in kinds}
    assert read == {kind: set(message_class(kind).get_fields_and_field_types()) for kind in kinds}


def fields(definition):
    """Return the names in a definition of rosbags, which is constants and fields."""
    _, named = definition
    # A message without fields has one for the sake of C.
    return {name for name, _ in named} - {"structure_needs_at_least_one_member"}


@pytest.mark.parametrize("kind", ["nowhere_msgs/msg/Bool", "std_msgs/msg/Nothing"])
def test_a_message_that_is_not_installed_is_named(kind):
    with pytest.raises(DefinitionNotFound, match=f"{kind} is not installed here"):
        full_definition(kind, definition_file)
    with pytest.raises(DefinitionNotFound, match=f"{kind} is not installed here"):
        message_class(kind)
