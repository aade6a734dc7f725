"""The nodes that learn and distil, with real processes: what they make, and what they bear with."""

import contextlib
import itertools
import re
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.data.relabelled_file import read_label
from polytask_learning.distilling.distil import distil
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.ros.goal_client import GoalClient, NoAnswer
from polytask_learning.training.checkpoint import same
from polytask_learning.training.holding import held
from polytask_learning.training.learn import learn_in
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder
from polytask_msgs.action import Distill, TrainExpert
from polytask_msgs.msg import LearningStatus, Observation
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_tests.asking import action_client

TASK, OTHER, THIRD = "north_east", "south_west", "north_west"
PATIENCE = 60.0
# Practice ends at the second evaluation in a row without a failure, so there are but two.
PACE = {"evaluate_every": 600, "evaluation_episodes": 3}
# Episodes that the expert plays at the end.
PLAYED = 2
BLIND = {"suite": "point", "image_height": 0, "image_width": 0}
STEPS, UPDATES = 640, 500
# Steps between evaluations of what is disturbed while it learns.
LONG = 3000
Train, Trained, Distilled = TrainExpert.Goal, TrainExpert.Result, Distill.Result

numbers = itertools.count()


def ignore(metrics):
    """Take no notice."""


class Lab:
    """Nodes in a namespace of their own, and somebody who asks them."""

    def __init__(self, stack):
        self._stack = stack
        self.namespace = f"/lab_{next(numbers)}"
        self.client = stack.enter_context(
            closing(GoalClient(self.namespace, self._look, timeout=PATIENCE))
        )
        self.node = self.client._node
        self.statuses, self.diagnoses = [], []
        # Is called while a goal is under way, and may interfere.
        self.meddle = lambda: None
        for topic in (names.LEARNER_STATUS, names.DISTILLER_STATUS):
            self.node.create_subscription(LearningStatus, topic, self.statuses.append, qos.LATCHED)
        self.node.create_subscription(
            DiagnosticArray, names.DIAGNOSTICS, self.diagnoses.append, qos.EVENT
        )

    def _look(self):
        self.meddle()

    def start(self, package, name, **parameters):
        process = NodeProcess(
            executable(package, name), parameters=parameters, namespace=self.namespace
        )
        return self._stack.enter_context(process)

    def world(self, **parameters):
        return self.start("polytask_sim", "sim_environment", **BLIND, **parameters)

    def learner(self, **parameters):
        pace = PACE | {"played": PLAYED} | parameters
        return self.start("polytask_learning", "expert_learner", **pace)

    def train(self, goal, feedback=lambda _: None):
        return self.client.achieve(TrainExpert, names.TRAIN, goal, feedback)

    def distil(self, goal, feedback=lambda _: None):
        return self.client.achieve(Distill, names.DISTILL, goal, feedback)

    def until(self, done):
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "waited in vain"
            self.client._executor.spin_once(timeout_sec=0.05)

    def phases(self):
        return {status.phase for status in self.statuses}


class Interrupted(Exception):
    """Somebody changed their mind."""


def interrupt():
    raise Interrupted


@pytest.fixture
def lab():
    with contextlib.ExitStack() as stack:
        yield Lab(stack)


@pytest.fixture(scope="module")
def shared():
    """Return a lab with a world and a learner that no test harms."""
    with contextlib.ExitStack() as stack:
        lab = Lab(stack)
        lab.world()
        lab.learner()
        lab.start("polytask_learning", "distiller")
        yield lab


@pytest.fixture(autouse=True)
def no_meddling(request):
    yield
    if "shared" in request.fixturenames:
        request.getfixturevalue("shared").meddle = lambda: None


def blind(task=TASK):
    return find_suite("point").make(task, 0, Observations(image=None))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return a store with a demonstration of three tasks."""
    store = EpisodeStore(tmp_path_factory.mktemp("shown"))
    for task in (TASK, OTHER, THIRD):
        with closing(blind(task)) as environment:
            store.add(attempt(environment, find_suite("point").demonstrator(task), 0))
    return store


def asked(shown, run, task=TASK, **more):
    wanted = {"preset": "fast", "steps": STEPS, "seed": 3, "demonstrations": [str(shown.root)]}
    return Train(task=task, run=str(run), **(wanted | more))


@pytest.fixture(scope="module")
def whole(shown, tmp_path_factory):
    """Return runs, by their reward, that were learnt in one go in this process."""
    made = {}
    for reward in ("env", "ot"):
        request = Request("point", TASK, reward=reward, steps=STEPS, seed=3, **PACE)
        folder = tmp_path_factory.mktemp("whole") / reward
        with closing(blind()) as environment:
            made[reward] = learn_in(environment, request, shown, folder, ignore)
    return made


def alike(one, other):
    return same(one.latest(), other.latest()) and same(one.best(), other.best())


def practised(run):
    """Return after how many steps each episode of a run ended."""
    return [line["steps"] for line in RunFolder(run).told() if "episode/number" in line]


# Learning


def test_the_node_learns_what_is_learnt_in_process_bit_for_bit(shared, shown, whole, tmp_path):
    told = []
    result = shared.train(asked(shown, tmp_path / "run"), told.append)
    assert (result.code, result.message) == (Trained.SUCCESS, "")
    assert alike(RunFolder(tmp_path / "run"), whole["env"])
    progress = whole["env"].latest()["progress"]
    assert (result.steps, result.success) == (progress["steps"], progress["best"])
    assert result.success_low <= result.success <= result.success_high
    assert result.episodes == PACE["evaluation_episodes"]
    label = read_label(tmp_path / "run" / RELABELLED)
    assert label.played == PLAYED
    assert label.count > label.played_steps > 0
    assert (tmp_path / "run" / "report.html").exists()
    assert {one.status.phase for one in told} >= {LearningStatus.CLONING, LearningStatus.LEARNING}
    shared.until(lambda: shared.statuses[-1].phase == LearningStatus.FINISHED)
    assert "critic_loss" in shared.statuses[-1].metric_names
    named = {status.name for array in shared.diagnoses for status in array.status}
    assert f"{shared.namespace}/expert_learner".strip("/") in named


def test_what_is_cancelled_goes_on_bit_for_bit(shared, shown, whole, tmp_path):
    def note(feedback):
        if feedback.status.phase == LearningStatus.LEARNING and feedback.status.step > 100:
            shared.meddle = interrupt

    def was_cancelled(run):
        """Try to cancel the learning into `run`: now and then it is over before that is said."""
        try:
            shared.train(asked(shown, run), note)
        except Interrupted:
            return True
        else:
            return False
        finally:
            shared.meddle = lambda: None

    runs = (tmp_path / f"run_{number}" for number in itertools.count())
    run = next(run for run in runs if was_cancelled(run))
    goal = asked(shown, run)

    def idle():
        """The newest word on this run; the distiller's are among them, which was never asked."""
        of_run = [status for status in shared.statuses if status.run == goal.run]
        return of_run[-1] if of_run[-1].phase == LearningStatus.IDLE else None

    shared.until(idle)
    assert "goes on" in idle().message
    assert 0 < RunFolder(run).latest()["progress"]["steps"] < STEPS
    # The environment was let go at once.
    with closing(RosEnvironment(OTHER, namespace=shared.namespace)) as other:
        other.reset(0)
    assert shared.train(goal).code == Trained.SUCCESS
    assert alike(RunFolder(run), whole["env"])


def test_a_second_goal_is_refused_with_what_is_under_way(shared, shown, tmp_path):
    goal = asked(shown, tmp_path / "run", steps=100_000)
    with action_client(shared.node, shared.until, TrainExpert, names.TRAIN) as sender:
        sending = sender.send_goal_async(goal)
        shared.until(sending.done)
        refused = shared.train(asked(shown, tmp_path / "other"))
        assert refused.code == Trained.BUSY
        assert TASK in refused.message
        assert str(tmp_path / "run") in refused.message
        assert not (tmp_path / "other").exists()
        ending = sending.result().get_result_async()
        sending.result().cancel_goal_async()
        shared.until(ending.done)
        assert ending.result().result.code == Trained.CANCELED


def test_a_killed_learner_goes_on_bit_for_bit(lab, shown, whole, tmp_path):
    lab.world()
    learner = lab.learner()
    goal = asked(shown, tmp_path / "run")

    def kill():
        if lab.statuses and lab.statuses[-1].step > 150:
            learner.kill()
            interrupt()

    lab.meddle = kill
    with pytest.raises(Interrupted):
        lab.train(goal)
    lab.meddle = lambda: None
    lab.learner()
    assert lab.train(goal).code == Trained.SUCCESS
    assert alike(RunFolder(tmp_path / "run"), whole["env"])


def test_a_learner_waits_for_an_environment_that_was_killed(lab, shown, tmp_path):
    world = lab.world()
    # It learns for long enough to be disturbed.
    lab.learner(environment_timeout=2.0, evaluate_every=LONG)

    def kill():
        newest = lab.statuses[-1] if lab.statuses else LearningStatus()
        if newest.phase == LearningStatus.LEARNING and newest.step > 100 and world.running():
            world.kill()
        if newest.phase == LearningStatus.WAITING:
            lab.meddle = lambda: None
            lab.world()

    lab.meddle = kill
    result = lab.train(asked(shown, tmp_path / "run", steps=LONG + 40))
    assert (result.code, result.message) == (Trained.SUCCESS, "")
    assert LearningStatus.WAITING in lab.phases()
    # Whatever episode was lost was practised anew: nothing is missing, and nothing is there twice.
    assert practised(tmp_path / "run") == list(range(40, LONG + 1, 40))


def test_a_learner_gives_up_when_told_to_and_can_go_on_later(lab, shown, tmp_path):
    world = lab.world()
    lab.learner(environment_timeout=1.0, give_up_after=0.0, evaluate_every=LONG)
    goal = asked(shown, tmp_path / "run", steps=LONG + 40)

    def kill():
        if lab.statuses and lab.statuses[-1].step > 150:
            world.kill()

    lab.meddle = kill
    result = lab.train(goal)
    while world.running():
        # One that was only slow to answer was lost as well.
        result = lab.train(goal)
    lab.meddle = lambda: None
    assert result.code == Trained.ENVIRONMENT_LOST
    assert "environment" in result.message
    lab.until(lambda: lab.statuses[-1].phase == LearningStatus.FAILED)
    assert lab.train(goal).code == Trained.ENVIRONMENT_LOST
    lab.world()
    codes = [Trained.ENVIRONMENT_LOST]

    def has_gone_on():
        codes.append(lab.train(goal).code)
        return codes[-1] != Trained.ENVIRONMENT_LOST

    # A world that starts need not be there within this learner's second.
    lab.until(has_gone_on)
    assert codes[-1] == Trained.SUCCESS


def test_an_episode_that_was_stopped_is_practised_again(lab, shown, tmp_path):
    lab.world(pacing="realtime", hold_periods=2)
    learner = lab.learner()
    seen, stalled = [], []
    lab.node.create_subscription(Observation, names.OBSERVATION, seen.append, qos.TURN)

    def stall():
        newest = lab.statuses[-1] if lab.statuses else LearningStatus()
        if not stalled and newest.phase == LearningStatus.LEARNING:
            stalled.append(True)
            learner.signal(signal.SIGSTOP)
        elif stalled and seen and seen[-1].ending == Observation.STOPPED:
            learner.signal(signal.SIGCONT)
            lab.meddle = lambda: None

    lab.meddle = stall
    result = lab.train(asked(shown, tmp_path / "run", steps=40))
    assert (result.code, result.message) == (Trained.SUCCESS, "")
    assert any("no action came in time" in status.message for status in lab.statuses)
    assert practised(tmp_path / "run") == [40]


# Bad goals

BAD = [
    ({"task": "north"}, Trained.UNKNOWN_TASK, "'north'; valid: north_west"),
    ({"task": ""}, Trained.INVALID_GOAL, "task is empty"),
    ({"run": ""}, Trained.INVALID_GOAL, "run is empty"),
    ({"observations": 7}, Trained.INVALID_GOAL, "observations is 7; valid: 0 .state., 1 .pixels."),
    ({"reward": 9}, Trained.INVALID_GOAL, "reward is 9; valid: 0 .env., 1 .ot."),
    ({"preset": "slow"}, Trained.INVALID_GOAL, "'slow'; valid: fast, paper"),
    ({"steps": 0}, Trained.INVALID_GOAL, "steps is 0; valid: at least 1"),
    ({"demonstrations": ["/nowhere"]}, Trained.INVALID_GOAL, "/nowhere does not exist"),
    ({"task": "south_east"}, Trained.INCOMPATIBLE, "none .* is of point south_east"),
    ({"demonstrations": [], "reward": 1}, Trained.INVALID_GOAL, "demonstrations is 0 .*at least 1"),
]


@pytest.mark.parametrize(("fields", "code", "match"), BAD, ids=[str(bad[0]) for bad in BAD])
def test_a_bad_goal_is_refused_before_anything_is_written(
    shared, shown, tmp_path, fields, code, match
):
    goal = asked(shown, tmp_path / "run")
    for name, value in fields.items():
        setattr(goal, name, value)
    result = shared.train(goal)
    assert result.code == code, result.message
    assert re.search(match, result.message), result.message
    assert not (tmp_path / "run").exists()


def test_demonstrations_of_another_form_and_another_runs_folder_are_refused(
    shared, shown, whole, tmp_path
):
    other = tmp_path / "run"
    other.mkdir()
    (other / "manifest.json").write_text((whole["env"].path / "manifest.json").read_text())
    result = shared.train(asked(shown, other, seed=4))
    assert result.code == Trained.INCOMPATIBLE
    assert "seed" in result.message
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    result = shared.train(asked(shown, tmp_path / "new", demonstrations=[str(broken)]))
    assert result.code == Trained.INCOMPATIBLE
    assert "broken.safetensors" in result.message


def test_without_an_environment_the_learner_says_so(lab, shown, tmp_path):
    lab.learner(environment_timeout=0.5)
    result = lab.train(asked(shown, tmp_path / "run"))
    assert result.code == Trained.ENVIRONMENT_LOST
    assert "within 0.5 s" in result.message


def test_who_asks_where_nobody_is_is_told(shown, tmp_path):
    with (
        closing(GoalClient("/nowhere", timeout=0.3)) as client,
        pytest.raises(NoAnswer, match=r"nobody offers /nowhere/learner/train within 0\.3 s"),
    ):
        client.achieve(TrainExpert, names.TRAIN, asked(shown, tmp_path / "run"))


# The reward service


def test_the_service_rewards_as_the_learner_itself_does(lab, shown, whole, tmp_path):
    lab.world()
    lab.learner(**{"reward.source": "service"})
    lab.start("polytask_learning", "ot_reward")
    result = lab.train(asked(shown, tmp_path / "run", reward=Train.TRANSPORT_REWARD))
    assert (result.code, result.message) == (Trained.SUCCESS, "")
    assert alike(RunFolder(tmp_path / "run"), whole["ot"])


def test_a_learner_waits_for_a_reward_service_that_was_killed(lab, shown, whole, tmp_path):
    lab.world()
    lab.learner(**{"reward.source": "service", "reward.timeout": 2.0})
    services = []

    def kill():
        newest = lab.statuses[-1] if lab.statuses else LearningStatus()
        learning = newest.phase == LearningStatus.LEARNING and newest.step > 100
        if learning and services[-1].running():
            services[-1].kill()
        if newest.phase == LearningStatus.WAITING:
            lab.meddle = lambda: None
            services.append(lab.start("polytask_learning", "ot_reward"))

    # Now and then it has had its last reward before the service is killed.
    while LearningStatus.WAITING not in lab.phases():
        for service in services:
            service.kill()
        services.append(lab.start("polytask_learning", "ot_reward"))
        lab.statuses.clear()
        lab.meddle = kill
        run = tmp_path / f"run_{len(services)}"
        result = lab.train(asked(shown, run, reward=Train.TRANSPORT_REWARD))
        assert (result.code, result.message) == (Trained.SUCCESS, "")
    assert alike(RunFolder(run), whole["ot"])


# Distilling


@pytest.fixture(scope="module")
def experts(shared, shown, tmp_path_factory):
    """Return the folders of three experts."""
    root = tmp_path_factory.mktemp("experts")
    for task in (TASK, OTHER, THIRD):
        assert shared.train(asked(shown, root / task, task, steps=200)).code == Trained.SUCCESS
    return [root / task for task in (TASK, OTHER, THIRD)]


def wanted(run, experts, **more):
    fields = {"modalities": [0, 1], "preset": "fast", "updates": UPDATES}
    return Distill.Goal(run=str(run), experts=[str(one) for one in experts], **(fields | more))


def test_the_node_distils_what_is_distilled_in_process_bit_for_bit(shared, experts, tmp_path):
    request = DistilRequest(goals=("onehot", "language"), updates=UPDATES)
    here = distil(request, experts[:2], tmp_path / "here", ignore)
    told = []
    result = shared.distil(wanted(tmp_path / "there", experts[:2]), told.append)
    assert (result.code, result.message) == (Distilled.SUCCESS, "")
    assert list(result.tasks) == [TASK, OTHER]
    assert result.parameters > 0
    assert 0 < result.error < 1
    there = RunFolder(tmp_path / "there" / "stages" / "000")
    assert same(here.current().best(), there.best())
    assert (tmp_path / "there" / "report.html").exists()

    joined = shared.distil(wanted(tmp_path / "there", experts[2:], add=True))
    assert (joined.code, joined.message) == (Distilled.SUCCESS, "")
    assert list(joined.tasks) == [TASK, OTHER, THIRD]
    assert joined.parameters == result.parameters


def test_the_node_keeps_as_many_steps_of_a_task_that_joins_as_of_others(lab, experts, tmp_path):
    folder = distil(DistilRequest(updates=UPDATES), experts[:1], tmp_path / "policy", ignore)
    lab.start("polytask_learning", "distiller", keep=30)
    joined = lab.distil(wanted(folder.path, experts[1:2], add=True))
    assert (joined.code, joined.message) == (Distilled.SUCCESS, "")
    assert read_label(folder.data(TASK)).count > 30
    assert read_label(folder.data(OTHER)).count == 30


def test_a_run_that_somebody_writes_into_is_refused_by_the_nodes(shared, experts, tmp_path):
    path = tmp_path / "policy"
    with held(path):
        result = shared.distil(wanted(path, experts[:1]))
    assert result.code == Distilled.BUSY
    assert "policy is being written to by process" in result.message


def test_a_cancelled_distillation_goes_on(shared, experts, tmp_path):
    goal = wanted(tmp_path / "policy", experts, updates=20_000)

    def note(feedback):
        if feedback.status.phase == LearningStatus.DISTILLING and feedback.status.step > 100:
            shared.meddle = interrupt

    with pytest.raises(Interrupted):
        shared.distil(goal, note)
    shared.meddle = lambda: None
    shared.until(lambda: shared.statuses[-1].phase == LearningStatus.IDLE)
    assert (tmp_path / "policy" / "stages" / "000").is_dir()


BAD_DISTILLATIONS = [
    ({"run": ""}, Distilled.INVALID_GOAL, "run is empty"),
    ({"experts": []}, Distilled.INVALID_GOAL, "experts is empty"),
    ({"modalities": [9]}, Distilled.INVALID_GOAL, "modalities is 9; valid: 0 .onehot."),
    ({"modalities": []}, Distilled.INVALID_GOAL, "goals are none"),
    ({"preset": "slow"}, Distilled.INVALID_GOAL, "'slow'; valid: fast, paper"),
    ({"experts": ["/nowhere"]}, Distilled.NOT_LOADABLE, "/nowhere is no run"),
    ({"add": True}, Distilled.NOT_LOADABLE, "is no run"),
]


@pytest.mark.parametrize(
    ("fields", "code", "match"), BAD_DISTILLATIONS, ids=[str(bad[0]) for bad in BAD_DISTILLATIONS]
)
def test_a_bad_distillation_is_refused(shared, experts, tmp_path, fields, code, match):
    goal = wanted(tmp_path / "policy", experts)
    for name, value in fields.items():
        setattr(goal, name, value)
    result = shared.distil(goal)
    assert result.code == code, result.message
    assert re.search(match, result.message), result.message
    assert not Path(tmp_path / "policy").exists()


def test_an_expert_given_twice_is_refused(shared, experts, tmp_path):
    result = shared.distil(wanted(tmp_path / "policy", [experts[0], experts[0]]))
    assert result.code == Distilled.INCOMPATIBLE
    assert "given twice" in result.message
