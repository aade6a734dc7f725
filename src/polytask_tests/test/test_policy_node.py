"""The policy with real processes: what it does, what it refuses, and what is left when one dies."""

import contextlib
import importlib.util
import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from unique_identifier_msgs.msg import UUID

from polytask_contract.errors import EnvironmentBusy
from polytask_contract.success import HELD_STEPS
from polytask_learning import distil_settings
from polytask_learning.distilling.distil import distil
from polytask_learning.distilling.request import MODALITIES, DistilRequest
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.training.evaluate import evaluate
from polytask_msgs.action import ResetEnvironment, RunTask
from polytask_msgs.msg import Action, ActionRefusal, Observation, TaskGoal
from polytask_msgs.srv import LoadPolicy
from polytask_ros import names, qos
from polytask_ros.greeting import Greeting
from polytask_ros.messages import image_message
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.suites.point import EPISODE_LENGTH, PointSuite
from polytask_tests.slow_server import FAR, UNREACHABLE

TASKS = ("north_west", "south_east")
PATIENCE = 90.0
# Distilling, and loading torch and a model of text, take long on a machine that does much else.
pytestmark = pytest.mark.timeout(300)
BLIND = {"image_height": 0, "image_width": 0}
# An episode takes four seconds, however slow the machine is just then.
REALTIME = {**BLIND, "pacing": "realtime", "hold_periods": 100}
# Loses nothing of an episode while its process is not let run.
PATIENT = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
Result, Loaded = RunTask.Result, LoadPolicy.Response

numbers = itertools.count()


class Asker(Node):
    """Asks for tasks, and sees what happens in the environment."""

    def __init__(self, namespace):
        # Of its own, so that one asker may outlast others.
        context = Context()
        initialize(context=context)
        options = {"context": context, "start_parameter_services": False}
        super().__init__("asker", namespace=namespace, **options)
        self.observations, self.feedback, self.resets, self.diagnostics = [], [], [], {}
        self.refusals = []
        self._goals = ActionClient(self, RunTask, names.RUN_TASK)
        self._loads = self.create_client(LoadPolicy, names.LOAD_POLICY)
        self.create_subscription(Observation, names.OBSERVATION, self.observations.append, PATIENT)
        # Of its own: an action's client drops the feedback that it has not read by the result.
        self._asked = UUID()
        self.create_subscription(
            RunTask.Impl.FeedbackMessage,
            f"{names.RUN_TASK}/_action/feedback",
            self._on_feedback,
            PATIENT,
        )
        self.create_subscription(
            ResetEnvironment.Impl.FeedbackMessage,
            f"{names.RESET}/_action/feedback",
            self.resets.append,
            qos.EVENT,
        )
        self._actions = self.create_publisher(Action, names.ACTION, qos.TURN)
        self.create_subscription(ActionRefusal, names.REFUSAL, self.refusals.append, qos.TURN)
        self.create_subscription(
            DiagnosticArray, names.DIAGNOSTICS, self._on_diagnostics, qos.EVENT
        )
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

    def _on_diagnostics(self, message):
        for status in message.status:
            if status.name == f"{self.get_namespace().strip('/')}/policy: policy":
                values = {pair.key: pair.value for pair in status.values}
                self.diagnostics = {**values, "level": status.level, "message": status.message}

    def meet(self):
        """Wait until the environment and this node hear each other."""
        self.refusals.clear()
        end = time.monotonic() + PATIENCE
        while not self.refusals:
            assert time.monotonic() < end, "nobody answered"
            self._actions.publish(Action(episode=1))
            self.executor_.spin_once(timeout_sec=0.2)

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.executor_.spin_once(timeout_sec=0.05)

    def result_of(self, future):
        self.wait_for(future.done)
        return future.result()

    def greet(self):
        greeting = Greeting(self, names.RUN_TASK)
        self.wait_for(greeting.is_answered)
        greeting.close()

    def load(self, run):
        self.wait_for(self._loads.service_is_ready)
        self.greet()
        return self.result_of(self._loads.call_async(LoadPolicy.Request(run=str(run))))

    def ask(self, goal, **fields):
        """Return the handle of a goal."""
        self.wait_for(self._goals.server_is_ready)
        self.greet()
        self.feedback.clear()
        self.observations.clear()
        self.resets.clear()
        self._asked = UUID(uuid=list(uuid.uuid4().bytes))
        sending = self._goals.send_goal_async(
            RunTask.Goal(goal=goal, **fields), goal_uuid=self._asked
        )
        return self.result_of(sending)

    def outcome(self, handle):
        return self.result_of(handle.get_result_async()).result

    def run(self, goal, **fields):
        return self.outcome(self.ask(goal, **fields))

    def wait_for_steps(self, count):
        self.wait_for(lambda: self.feedback and self.feedback[-1].step >= count)

    def wait_for_diagnostics(self, **values):
        self.diagnostics = {}
        self.wait_for(
            lambda: (
                self.diagnostics
                and all(self.diagnostics.get(key) == value for key, value in values.items())
            )
        )

    def endings(self):
        """Return why the episodes that were seen have been stopped."""
        return [one.ending_message for one in self.observations if one.ending]


def one_hot(task):
    return TaskGoal(modality=TaskGoal.ONE_HOT, index=TASKS.index(task), count=len(TASKS))


def text(sentence):
    return TaskGoal(modality=TaskGoal.TEXT, text=sentence)


def known_experts():
    """Return what makes experts whose answers are known, as the learner's own tests do."""
    place = Path(__file__).parents[2] / "polytask_learning" / "test" / "conftest.py"
    spec = importlib.util.spec_from_file_location("known_experts", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_teacher


def distilled(path, experts, request, **changes):
    """Distil in seconds."""
    small = {"hidden": (64, 64), "goal_features": 16, "batch": 64, **changes}
    preset = replace(distil_settings.DISTIL_PRESETS["fast"], **small)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polytask_learning.distilling.request.DISTIL_PRESETS", {"fast": preset})
        return distil(request, experts, path, lambda _: None).path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def experts(place):
    make = known_experts()
    return [make(place / task, task, steps=1500, seed=n) for n, task in enumerate(TASKS)]


@pytest.fixture(scope="module")
def whole(place, experts):
    """Return the run of a policy that takes goals of every kind."""
    return distilled(place / "whole", experts, DistilRequest(goals=MODALITIES), updates=4000)


@pytest.fixture(scope="module")
def simple(place, experts):
    """Return the run of a policy that takes one-hot goals, and has learnt next to nothing."""
    return distilled(place / "simple", experts, DistilRequest(), updates=20)


@pytest.fixture(scope="module")
def seeing(place):
    """Return the run of a policy that sees pictures, of which it has learnt next to nothing."""
    make = known_experts()
    experts = [make(place / f"{one}_seen", one, steps=100, observations="pixels") for one in TASKS]
    return distilled(place / "seeing", experts, DistilRequest("pixels", ("image",)), updates=5)


@pytest.fixture
def namespace():
    return f"/asked_{next(numbers)}"


def policy_node(namespace, run="", **options):
    parameters = {"run": str(run), "environment_timeout": 20.0}
    command = executable("polytask_learning", "policy")
    return NodeProcess(command, namespace=namespace, parameters=parameters, **options)


@pytest.fixture(scope="module")
def skilled(whole):
    """Return an asker of a policy, in a namespace of their own that worlds may come to."""
    namespace = f"/skilled_{next(numbers)}"
    with policy_node(namespace, whole):
        asker = Asker(namespace)
        yield asker
        asker.destroy_node()


@pytest.fixture
def asker(namespace):
    node = Asker(namespace)
    yield node
    node.destroy_node()


@pytest.fixture
def serve():
    """Start environments, and end them with the test."""
    with contextlib.ExitStack() as stack:

        def serve(asker, *command, **options):
            command = command or (executable("polytask_sim", "sim_environment"),)
            namespace = asker.get_namespace()
            server = stack.enter_context(NodeProcess(*command, namespace=namespace, **options))
            asker.meet()
            return server

        yield serve


@pytest.fixture
def another():
    """Connect further clients of an environment."""
    with contextlib.ExitStack() as stack:

        def another(asker, task=TASKS[0]):
            client = RosEnvironment(task, namespace=asker.get_namespace(), timeout=20.0)
            return stack.enter_context(contextlib.closing(client))

        yield another


def lived_here(run, modality, asked, seed, world=None):
    """Return whether the task `asked` was accomplished in process, and what that earned."""
    policy = UnifiedPolicy(run)
    with contextlib.closing(policy.environment(world or asked)) as environment:
        found = evaluate(environment, policy.policy_for(asked, modality), [seed])
    return found.verdicts[0]["held"], found.returns[0]


def goal_of(run, modality, task):
    policy = UnifiedPolicy(run)
    index = policy.tasks.index(task)
    if modality == "image":
        picture = policy.book.of("image", index)[0].permute(1, 2, 0).numpy()
        return TaskGoal(modality=TaskGoal.IMAGE, image=image_message(picture))
    if modality == "language":
        return text(PointSuite().sentence(task))
    if modality == "index":
        return TaskGoal(modality=TaskGoal.INDEX, index=index)
    return one_hot(task)


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_is_done_over_ros_is_what_is_done_in_process(skilled, serve, whole, modality):
    serve(skilled)
    for task, seed in itertools.product(TASKS, (0, 1)):
        goal = goal_of(whole, modality, task)
        result = skilled.run(goal, seed=seed, task=task if modality == "image" else "")
        assert (result.code, result.message, result.task) == (Result.SUCCESS, "", task)
        found = (result.success, result.episode_return)
        assert found == lived_here(whole, modality, task, seed)
        assert result.steps == EPISODE_LENGTH
        # It has learnt something, so that there was something to compare.
        assert result.success


def test_a_goal_may_be_followed_in_the_world_of_another_task(skilled, serve, whole):
    serve(skilled, parameters=BLIND)
    result = skilled.run(one_hot(TASKS[0]), task=TASKS[1], seed=2)
    assert (result.code, result.task) == (Result.SUCCESS, TASKS[0])
    found = (result.success, result.episode_return)
    assert found == lived_here(whole, "onehot", TASKS[0], 2, world=TASKS[1])
    assert not result.success


def test_each_step_is_told_of_and_steps_can_be_limited(skilled, serve, another):
    # In lockstep no action is held for longer, however slow the machine is.
    serve(skilled, parameters=BLIND)
    limit = HELD_STEPS
    result = skilled.run(one_hot(TASKS[0]), max_steps=limit)
    # The result may be read before what was told ahead of it.
    skilled.wait_for_steps(limit)
    # It has come to its place, and was not there for long enough.
    assert any(one.success for one in skilled.feedback)
    assert (result.code, result.steps, result.success) == (Result.SUCCESS, limit, False)
    assert [one.step for one in skilled.feedback] == list(range(1, limit + 1))
    assert result.episode_return == sum(one.reward for one in skilled.feedback)
    # The world stands still, and is whoever's wants it.
    skilled.wait_for(skilled.endings)
    assert skilled.endings()[0].endswith(" let go")
    assert another(skilled).reset(1).first()


def test_a_paraphrase_is_understood(skilled, serve, whole):
    serve(skilled, parameters=BLIND)
    result = skilled.run(text("please move over to the north west corner"), seed=3)
    assert (result.code, result.task, result.success) == (Result.SUCCESS, "north_west", True)
    # It is shown its own sentence.
    assert result.episode_return == lived_here(whole, "language", "north_west", 3)[1]


@pytest.mark.parametrize(
    ("goal", "task", "code", "said"),
    [
        (
            text("whistle a song about cheese"),
            "",
            Result.UNKNOWN_TASK,
            "is like no task of the policy; the nearest are ",
        ),
        (text("  "), "", Result.INVALID_GOAL, "the text of the goal is '  '; valid: a sentence"),
        (
            TaskGoal(modality=TaskGoal.ONE_HOT, index=0, count=7),
            "",
            Result.INVALID_GOAL,
            "goal.count is 7; valid: 2",
        ),
        (
            TaskGoal(modality=TaskGoal.ONE_HOT, index=5, count=2),
            "",
            Result.INVALID_GOAL,
            "goal.index is 5 of 2; valid: 0 to 1",
        ),
        (
            TaskGoal(modality=TaskGoal.INDEX, index=5),
            "",
            Result.UNKNOWN_TASK,
            "no task at goal.index 5; valid: 0 (north_west), 1 (south_east)",
        ),
        (
            TaskGoal(modality=TaskGoal.IMAGE),
            TASKS[0],
            Result.INVALID_GOAL,
            "the image's encoding is ''; valid: 'rgb8'",
        ),
        (
            TaskGoal(modality=TaskGoal.IMAGE, image=image_message(np.zeros((9, 8, 3), np.uint8))),
            TASKS[0],
            Result.INVALID_GOAL,
            "(9, 8, 3) uint8; valid: (24, 24, 3) uint8",
        ),
        (
            TaskGoal(modality=TaskGoal.IMAGE, image=image_message(np.zeros((24, 24, 3), np.uint8))),
            "",
            Result.INVALID_GOAL,
            "a picture names none; valid: north_west, south_east",
        ),
        (TaskGoal(modality=8), "", Result.INVALID_GOAL, "goal.modality is 8; valid: 0 (onehot)"),
    ],
)
def test_a_goal_that_means_nothing_is_refused(skilled, goal, task, code, said):
    result = skilled.run(goal, task=task)
    assert result.code == code
    assert said in result.message
    assert (result.steps, result.success) == (0, False)


def test_a_task_that_the_environment_does_not_have_is_refused(skilled, serve):
    serve(skilled, parameters=BLIND)
    result = skilled.run(one_hot(TASKS[0]), task="centre")
    assert result.code == Result.UNKNOWN_TASK
    assert result.message.startswith("there is no task 'centre'; valid: north_west, north_east, ")


def test_one_thing_at_a_time(skilled, serve, another, whole):
    serve(skilled, parameters=REALTIME)
    running = skilled.ask(one_hot(TASKS[0]))
    skilled.wait_for_steps(2)
    refused = skilled.load(whole)
    busy = "the onehot goal 0 is under way"
    assert (refused.code, refused.message) == (Loaded.BUSY, busy)
    second = skilled.run(text("go to the south east"))
    assert second.code == Result.BUSY
    assert second.message == f"{busy}; wait for its end, or cancel it"
    first = skilled.outcome(running)
    assert (first.code, first.steps > 2) == (Result.SUCCESS, True)
    holder = another(skilled)
    holder.reset(1)
    held = skilled.run(one_hot(TASKS[0]))
    assert held.code == Result.BUSY
    assert "/environment_client_" in held.message
    assert "holds the environment" in held.message
    holder.close()
    assert skilled.run(one_hot(TASKS[0]), max_steps=1).code == Result.SUCCESS


def test_cancelled_in_mid_episode_the_world_stands_still_and_is_free(skilled, serve, another):
    serve(skilled, parameters=REALTIME)
    running = skilled.ask(one_hot(TASKS[0]))
    skilled.wait_for_steps(2)
    skilled.result_of(running.cancel_goal_async())
    result = skilled.outcome(running)
    assert result.code == Result.CANCELED
    assert result.message == f"cancelled after {result.steps} steps; the arm stands still"
    assert 2 <= result.steps < EPISODE_LENGTH
    skilled.wait_for(skilled.endings)
    assert skilled.endings()[0].endswith(" let go")
    # It was free before the result came: nobody waits.
    assert another(skilled).reset(1).first()


def test_cancelled_in_a_reset_the_world_stands_still_and_is_free(skilled, serve, another):
    server = serve(
        skilled,
        sys.executable,
        "-m",
        "polytask_tests.slow_server",
        stdout=subprocess.PIPE,
        text=True,
    )
    # From far away: it must not be over before it is cancelled.
    running = skilled.ask(one_hot(TASKS[0]), seed=FAR)
    skilled.wait_for(lambda: len(skilled.resets) >= 3)
    skilled.result_of(running.cancel_goal_async())
    result = skilled.outcome(running)
    assert result.code == Result.CANCELED
    assert result.message == "cancelled after 0 steps; the arm stands still"
    # The middleware, too, may have something to say.
    lines = iter(server.output.readline, "")
    assert "reset broken off\n" in lines
    assert "stopped: the reset was cancelled\n" in lines
    assert another(skilled).reset(1).first()


def test_a_reset_that_fails_is_told_with_its_reason(skilled, serve):
    serve(skilled, sys.executable, "-m", "polytask_tests.slow_server")
    result = skilled.run(one_hot(TASKS[0]), seed=UNREACHABLE)
    assert (result.code, result.message) == (
        Result.FAILED,
        "the start cannot be reached from here",
    )


def test_an_environment_that_dies_is_lost_and_back_when_it_is_back(skilled, serve, whole):
    server = serve(skilled, parameters=REALTIME)
    running = skilled.ask(one_hot(TASKS[0]))
    skilled.wait_for_steps(2)
    server.kill()
    result = skilled.outcome(running)
    assert result.code == Result.ENVIRONMENT_LOST
    assert "gone" in result.message or "did not answer" in result.message
    assert 2 <= result.steps < EPISODE_LENGTH
    serve(skilled, parameters=BLIND)
    again = skilled.run(one_hot(TASKS[0]), seed=4)
    assert again.code == Result.SUCCESS
    found = (again.success, again.episode_return)
    assert found == lived_here(whole, "onehot", TASKS[0], 4)


def test_an_episode_that_is_stopped_has_failed_for_that_reason(skilled, serve):
    server = serve(skilled, parameters=REALTIME)
    running = skilled.ask(one_hot(TASKS[0]))
    skilled.wait_for_steps(2)
    server.signal(signal.SIGINT)
    assert server.wait(PATIENCE) == 0
    result = skilled.outcome(running)
    assert (result.code, result.message) == (Result.FAILED, "the server ends")
    # The result may be read before what was told ahead of it.
    skilled.wait_for(lambda: skilled.feedback[-1].step == result.steps)
    assert result.episode_return == pytest.approx(sum(one.reward for one in skilled.feedback))


def test_the_diagnostics_say_what_there_is_and_how_timely_it_was(skilled, serve, whole):
    serve(skilled, parameters=REALTIME)
    running = skilled.ask(one_hot(TASKS[0]))
    skilled.wait_for_diagnostics(**{"under way": "the onehot goal 0", "environment": "point"})
    assert skilled.diagnostics["policy"] == str(whole)
    assert skilled.diagnostics["tasks"] == ", ".join(TASKS)
    result = skilled.outcome(running)
    skilled.wait_for_diagnostics(**{"under way": "nothing"})
    assert skilled.diagnostics["steps"] == str(result.steps)
    assert skilled.diagnostics["task of the newest episode"] == TASKS[0]
    p50, p99, largest = (
        float(skilled.diagnostics[f"observation to action, {word} [ms]"])
        for word in ("p50", "p99", "max")
    )
    assert 0 < p50 <= p99 <= largest
    # The result may be read before the observations that were published ahead of it.
    skilled.wait_for(lambda: skilled.observations[-1].step_type == Observation.LAST)
    missed = int(skilled.diagnostics["actions that came too late"])
    assert missed == max(one.missed_actions for one in skilled.observations)
    assert skilled.diagnostics["level"] == (b"\x01" if missed else b"\x00")


def damaged(run, path):
    """Return a copy of `run` whose weights are not what they were."""
    copy = Path(shutil.copytree(run, path))
    (checkpoint,) = copy.rglob("best.checkpoint")
    content = bytearray(checkpoint.read_bytes())
    content[-9] ^= 1
    checkpoint.write_bytes(content)
    return copy


def foreign(run, path):
    """Return a copy of `run` that was made in another suite."""
    copy = Path(shutil.copytree(run, path))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["form"]["suite"] = "line"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def unfinished(run, path):
    """Return a copy of `run` whose first stage has not come to its end."""
    copy = Path(shutil.copytree(run, path))
    for checkpoint in copy.rglob("best.checkpoint"):
        checkpoint.unlink()
    return copy


def test_what_cannot_be_loaded_leaves_the_policy_that_was(
    asker, serve, namespace, simple, experts, seeing, tmp_path
):
    other = foreign(simple, tmp_path / "other")
    goal = one_hot(TASKS[0])
    with policy_node(namespace):
        nothing = asker.run(goal)
        assert nothing.code == Result.NO_POLICY
        assert nothing.message == f"no policy is loaded; {namespace}/policy/load loads one"
        # Without an environment any policy may be loaded; which it was made for shows later.
        assert asker.load(other).code == Loaded.SUCCESS
        world = serve(asker, parameters=BLIND)
        unfit = asker.run(goal)
        assert unfit.code == Result.INCOMPATIBLE
        said = "suite of the environment is 'point'; valid: 'line'"
        assert unfit.message == said
        loaded = asker.load(simple)
        assert (loaded.code, loaded.message) == (Loaded.SUCCESS, "")
        assert (loaded.suite, tuple(loaded.tasks)) == ("point", TASKS)
        assert list(loaded.modalities) == [TaskGoal.ONE_HOT]
        assert loaded.parameters == UnifiedPolicy(simple).actor.size
        asker.wait_for_diagnostics(environment="point")
        for run, code, reason in (
            ("", Loaded.NOT_LOADABLE, "run is empty; valid: the folder of a unified policy"),
            (tmp_path, Loaded.NOT_LOADABLE, f"{tmp_path} is no run: it has no manifest.json"),
            (experts[0], Loaded.NOT_LOADABLE, "is an expert's run; valid: a unified policy's"),
            (damaged(simple, tmp_path / "damaged"), Loaded.NOT_LOADABLE, "match its checksum"),
            (unfinished(simple, tmp_path / "un"), Loaded.NOT_LOADABLE, "has no policy yet"),
            (other, Loaded.INCOMPATIBLE, said),
            (seeing, Loaded.INCOMPATIBLE, "image of the environment is None; valid: (24, 24)"),
        ):
            refused = asker.load(run)
            assert (refused.code, reason in refused.message) == (code, True), refused.message
        result = asker.run(goal, seed=5)
        assert result.code == Result.SUCCESS
        found = (result.success, result.episode_return)
        assert found == lived_here(simple, "onehot", TASKS[0], 5)
        other_kind = asker.run(text("go to the north west"))
        assert other_kind.code == Result.INVALID_GOAL
        assert other_kind.message == "goal.modality is 1; valid: 0 (onehot)"
        world.stop()
        asker.wait_for_diagnostics(environment="none")
        assert asker.load(other).code == Loaded.SUCCESS
        see_and_act(asker, serve, seeing)


def see_and_act(asker, serve, seeing):
    """Load a policy that sees pictures, and let it act as it does in process."""
    serve(asker, parameters={"image_height": 24, "image_width": 24})
    loaded = asker.load(seeing)
    assert (loaded.code, list(loaded.modalities)) == (Loaded.SUCCESS, [TaskGoal.IMAGE])
    result = asker.run(goal_of(seeing, "image", TASKS[1]), task=TASKS[1], seed=6)
    assert result.code == Result.SUCCESS
    found = (result.success, result.episode_return)
    assert found == lived_here(seeing, "image", TASKS[1], 6)


def test_a_run_that_cannot_be_loaded_at_the_start_ends_the_node(namespace, experts):
    with policy_node(namespace, experts[0], stderr=subprocess.PIPE, text=True) as process:
        assert process.wait(PATIENCE) == 1
        said = process.errors.read()
    assert f"error: {experts[0]} is an expert's run; valid: a unified policy's" in said


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGINT])
def test_a_policy_that_ends_leaves_an_arm_that_stands_still(
    asker, serve, another, namespace, simple, fault
):
    killed = fault == signal.SIGKILL
    # An action is held for 1.5 s: for longer than a policy is slow, and less than an episode.
    serve(asker, parameters={**REALTIME, "hold_periods": 15} if killed else REALTIME)
    with policy_node(namespace, simple) as process:
        asker.ask(one_hot(TASKS[0]))
        asker.wait_for_steps(2)
        process.signal(fault)
        asker.wait_for(asker.endings)
        # Who is killed says nothing: the watchdog stops the world. Who ends says so.
        assert asker.endings()[0].startswith("no action came in time") == killed
        assert asker.endings()[0].endswith(" let go") != killed
        assert asker.observations[-1].step < EPISODE_LENGTH
        assert process.wait(PATIENCE) == (-signal.SIGKILL if killed else 0)
    client = another(asker)
    asker.wait_for(lambda: is_free(client))


def test_a_policy_that_ends_in_a_reset_breaks_that_off(asker, serve, another, namespace, simple):
    slow = (sys.executable, "-m", "polytask_tests.slow_server")
    server = serve(asker, *slow, stdout=subprocess.PIPE, text=True)
    with policy_node(namespace, simple, arguments=["-r", "__node:=performer"]) as process:
        asker.ask(one_hot(TASKS[0]), seed=FAR)
        asker.wait_for(lambda: len(asker.resets) >= 3)
        # Its client keeps a name of its own, however the node is called.
        # Discovery tells of a node a moment after its endpoints.
        asker.wait_for(
            lambda: [name for name in asker.get_node_names() if "environment_client_" in name]
        )
        process.signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert "stopped: the reset was cancelled\n" in iter(server.output.readline, "")
    assert another(asker).reset(1).first()


def is_free(client):
    try:
        return client.reset(1).first()
    except EnvironmentBusy:
        return False
