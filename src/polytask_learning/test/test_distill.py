"""Distillation: many experts whose answers are known into one policy, and more of them later."""

import json
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import UnknownName
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning import distil_settings
from polytask_learning.data.lessons import Lessons
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.relabelled_file import BrokenData
from polytask_learning.data.thinning import thin
from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.evaluate_unified import evaluate_task, evaluate_teacher
from polytask_learning.distilling.practise import practise
from polytask_learning.distilling.request import MODALITIES, DistilRequest
from polytask_learning.distilling.teachers import UnusableTeacher
from polytask_learning.distilling.transfer import started_from
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import InvalidGoal, UnknownGoal
from polytask_learning.networks.unified import UnifiedActor
from polytask_learning.settings import PRESETS, ExpertSettings, InvalidSetting
from polytask_learning.training.checkpoint import BrokenCheckpoint, same
from polytask_learning.training.learn import learn
from polytask_learning.training.loop import NotFinite
from polytask_learning.training.relabel import RELABELLED, relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import NoRun, OtherConfiguration
from polytask_learning.training.trained import TrainedExpert
from polytask_learning.training.watch import Phase, Unwatched

TASKS = ("north_west", "south_east", "south_west")
SMALL = replace(
    distil_settings.DISTIL_PRESETS["fast"],
    hidden=(64, 64),
    goal_features=16,
    batch=64,
    updates=600,
    added_updates=400,
)


@pytest.fixture(autouse=True)
def preset(monkeypatch):
    """Return what changes the preset `fast`, which takes seconds by now."""

    def changed(**changes):
        paper = replace(SMALL, goal_features=0, distance="squared")
        presets = {"fast": replace(SMALL, **changes), "paper": paper}
        monkeypatch.setattr("polytask_learning.distilling.request.DISTIL_PRESETS", presets)

    changed()
    return changed


@pytest.fixture(scope="module")
def teachers(tmp_path_factory, make_teacher):
    place = tmp_path_factory.mktemp("teachers")
    return {
        task: make_teacher(place / task, task, steps=1500, seed=number)
        for number, task in enumerate(TASKS)
    }


def nothing(metrics):
    del metrics


@pytest.fixture(scope="module")
def error_of(formula):
    """Return the mean distance between what a policy does, and what is to be done in a task."""

    def found(policy, asked, modality, task=None):
        states = np.random.default_rng(99).uniform(-0.6, 0.6, (200, 2)).astype(np.float32)
        acting = policy.policy_for(asked, modality)
        done = acting._agent.act(torch.from_numpy(states), explore=False).numpy()
        return float(np.abs(done - formula(states, task or asked)).mean())

    return found


@pytest.mark.parametrize("modality", MODALITIES)
def test_one_policy_does_what_two_experts_do(tmp_path, teachers, error_of, modality):
    runs = [teachers[task] for task in TASKS[:2]]
    folder = distil(DistilRequest(goals=(modality,)), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    assert policy.tasks == TASKS[:2]
    assert [error_of(policy, task, modality) < 0.1 for task in policy.tasks] == [True, True]
    # Asked for the one, it does not do the other.
    assert error_of(policy, TASKS[0], modality, TASKS[1]) > 0.5


def test_one_policy_takes_every_kind_of_goal(tmp_path, teachers, error_of, preset):
    # What a picture means is learnt last.
    preset(updates=2000)
    runs = [teachers[task] for task in TASKS[:2]]
    folder = distil(DistilRequest(goals=MODALITIES), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    errors = {(task, one): error_of(policy, task, one) for task in TASKS[:2] for one in MODALITIES}
    assert max(errors.values()) < 0.2, errors


def test_the_student_accomplishes_what_the_experts_do(tmp_path, teachers, preset):
    preset(updates=1000)
    runs = [teachers[task] for task in TASKS]
    folder = distil(DistilRequest(), runs, tmp_path / "u", nothing)
    for task in TASKS:
        found = evaluate_task(folder, folder.current(), task, "onehot", range(5))
        assert found.result.rate("held") == 1.0


def test_a_policy_that_sees_pictures_learns_from_them(tmp_path, make_teacher):
    runs = [make_teacher(tmp_path / task, task, observations="pixels") for task in TASKS[:2]]
    folder = distil(DistilRequest("pixels", ("image",)), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    for task, other in (TASKS[:2], TASKS[1::-1]):
        pictures, taught = RelabelledData(folder.data(task), "pixels").at(torch.arange(100))
        errors = [
            (policy.policy_for(asked, "image")._agent.act(pictures, explore=False) - taught)
            .abs()
            .mean()
            for asked in (task, other)
        ]
        assert errors[0] < errors[1] / 3


def test_a_third_expert_joins_and_the_first_two_stay(tmp_path, teachers, error_of):
    path = tmp_path / "u"
    folder = distil(DistilRequest(), [teachers[task] for task in TASKS[:2]], path, nothing)
    before = UnifiedPolicy(path)
    add(path, teachers[TASKS[2]], nothing)
    after = UnifiedPolicy(path)
    assert before.actor.size == after.actor.size
    assert after.tasks == TASKS
    assert [error_of(after, task, "onehot") < 0.1 for task in TASKS] == [True] * 3
    assert [len(stage.tasks) for stage in folder.stages()] == [2, 3]


def test_a_policy_can_start_from_the_beginning_whenever_a_task_joins(
    tmp_path, teachers, error_of, preset
):
    preset(warm=False, goal_features=0, tasks_per_batch=1)
    path = tmp_path / "u"
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    folder = add(path, teachers[TASKS[1]], nothing)
    assert not folder.current().manifest["warm"]
    updates = [stage.best()["distiller"]["updates"] for stage in folder.stages()]
    assert updates == [SMALL.updates] * 2
    policy = UnifiedPolicy(path)
    assert max(error_of(policy, task, "onehot") for task in TASKS[:2]) < 0.15


def test_gradient_surgery_learns_the_same_tasks(tmp_path, teachers, error_of):
    runs = [teachers[task] for task in TASKS]
    folder = distil(DistilRequest(surgery=True), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    assert max(error_of(policy, task, "onehot") for task in TASKS) < 0.1


def test_of_each_task_so_many_steps_are_kept(tmp_path, teachers):
    folder = distil(DistilRequest(keep=50), [teachers[TASKS[0]]], tmp_path / "u", nothing)
    whole = RelabelledData(teachers[TASKS[0]] / RELABELLED)
    kept = RelabelledData(folder.data(TASKS[0]))
    assert len(kept) == kept.label.keep == 50
    assert (kept.goal_image == whole.goal_image).all()
    rows, some = (
        {tuple(row) for row in torch.cat([one.parts["state"], one.parts["actions"]], 1).tolist()}
        for one in (whole, kept)
    )
    assert some < rows
    assert len(some) == 50


def test_states_are_learnt_with_the_noise_that_the_suite_wants(tmp_path, teachers, monkeypatch):
    changes = {"point": {"state_noise": 0.3}}
    monkeypatch.setattr("polytask_learning.distilling.request.DISTIL_FAST_FOR_SUITES", changes)
    drawn, seen = [], []
    draw, unsquashed = Lessons.draw, UnifiedActor.unsquashed

    def noted_draw(self, *asked):
        drawn.append(draw(self, *asked))
        return drawn[-1]

    def noted_unsquashed(self, observations, *asked):
        seen.append(observations)
        return unsquashed(self, observations, *asked)

    monkeypatch.setattr(Lessons, "draw", noted_draw)
    monkeypatch.setattr(UnifiedActor, "unsquashed", noted_unsquashed)
    runs = [teachers[TASKS[0]]]
    noisy = distil(DistilRequest(updates=50), runs, tmp_path / "noisy", nothing)
    noise = torch.cat(seen) - torch.cat([one.observations for one in drawn])
    assert abs(float(noise.std()) - 0.3) < 0.02
    assert abs(float(noise.mean())) < 0.02
    assert noisy.settings.state_noise == 0.3
    # What the paper has distilled with is the same everywhere.
    paper = distil(DistilRequest(preset="paper", updates=1), runs, tmp_path / "paper", nothing)
    assert paper.settings.state_noise == 0.0


@pytest.mark.parametrize(
    ("preset", "hidden", "rate"),
    [
        ("fast", (), 1e-3),
        ("fast", (128, 128), 1e-3),
        ("fast", (512, 1024), 2.5e-4),
        ("paper", (512,), 5e-5),
        ("paper", (2048, 2048), 2.5e-5),
    ],
)
def test_layers_wider_than_the_presets_learn_slower(monkeypatch, preset, hidden, rate):
    monkeypatch.undo()
    settings = DistilRequest(preset=preset, hidden=hidden).settings
    assert settings.learning_rate == pytest.approx(rate)


def test_the_kitchen_has_settings_of_its_own(monkeypatch):
    monkeypatch.undo()
    settings = DistilRequest().settings_in("kitchen")
    assert (settings.state_noise, settings.played_share) == (0.02, 0.9)
    shorter = DistilRequest(updates=40).settings_in("kitchen")
    assert (shorter.updates, shorter.added_updates) == (40, 30)
    assert DistilRequest().settings_in("metaworld") == DistilRequest().settings


def test_the_cheetahs_are_copied_for_longer_by_more_weights(monkeypatch):
    monkeypatch.undo()
    settings = DistilRequest().settings_in("dmc")
    assert (settings.hidden, settings.learning_rate) == ((512, 512), 5e-4)
    assert (settings.updates, settings.added_updates) == (180_000, 45_000)
    wider = DistilRequest(hidden=(1024, 1024)).settings_in("dmc")
    assert wider.learning_rate == pytest.approx(2.5e-4)
    papers = DistilRequest(preset="paper")
    assert papers.settings_in("dmc") == papers.settings


class Counting(Unwatched):
    """Notes how many updates it is told that there are."""

    def at(self, phase, done, total):
        assert phase is Phase.DISTILLING
        assert done < total
        self.total = total


def test_who_watches_is_told_how_many_updates_there_are_in_this_suite(
    tmp_path, teachers, monkeypatch
):
    wanted = {"point": {"updates": 30, "added_updates": 20}}
    monkeypatch.setattr("polytask_learning.distilling.request.DISTIL_FAST_FOR_SUITES", wanted)
    first, *_, last = (teachers[task] for task in TASKS)
    counting = Counting()
    folder = distil(DistilRequest(), [first], tmp_path / "u", nothing, watch=counting)
    assert counting.total == 30
    add(folder.path, last, nothing, watch=counting)
    assert counting.total == 20


def test_of_a_task_that_joins_another_number_may_be_kept(tmp_path, teachers):
    path = tmp_path / "u"
    distil(DistilRequest(keep=50, updates=50), [teachers[TASKS[0]]], path, nothing)
    folder = add(path, teachers[TASKS[1]], nothing, keep=20)
    with pytest.raises(InvalidSetting, match="keep is 0; valid: at least 1"):
        add(path, teachers[TASKS[2]], nothing, keep=0)
    add(path, teachers[TASKS[2]], nothing)
    assert [len(RelabelledData(folder.data(task))) for task in TASKS] == [50, 20, 50]


def test_all_that_runs_have_kept_is_kept_unless_less_is_asked_for(tmp_path, teachers):
    path = tmp_path / "u"
    distil(DistilRequest(updates=50), [teachers[TASKS[0]]], path, nothing)
    folder = add(path, teachers[TASKS[1]], nothing)
    for task in TASKS[:2]:
        assert folder.data(task).read_bytes() == (teachers[task] / RELABELLED).read_bytes()


def test_what_a_stage_began_with_stays_when_its_expert_keeps_less(tmp_path, make_teacher):
    run, path = make_teacher(tmp_path / "run", TASKS[0]), tmp_path / "u"
    folder = distil(DistilRequest(updates=50), [run], path, nothing)
    before = folder.data(TASKS[0]).read_bytes()
    thin(run / RELABELLED, tmp_path / "less", 10, seed=0)
    (tmp_path / "less").replace(run / RELABELLED)
    distil(DistilRequest(updates=50), [run], path, nothing)
    assert folder.data(TASKS[0]).read_bytes() == before


def test_a_step_that_was_stopped_goes_on_with_as_many_steps_of_its_task(tmp_path, teachers):
    path = tmp_path / "u"
    distil(DistilRequest(updates=50), [teachers[TASKS[0]]], path, nothing)
    with pytest.raises(Killed):
        add(path, teachers[TASKS[1]], killer(0), keep=20)
    with pytest.raises(OtherConfiguration, match="has keep 20, not 30"):
        add(path, teachers[TASKS[1]], nothing, keep=30)
    assert len(RelabelledData(add(path, teachers[TASKS[1]], nothing, keep=20).data(TASKS[1]))) == 20


def test_of_pictures_only_those_are_kept_that_a_kept_step_shows(tmp_path, make_teacher):
    run = make_teacher(tmp_path / "run", TASKS[0], observations="pixels")
    thin(run / RELABELLED, tmp_path / "thin", 20, seed=0)
    whole, kept = RelabelledData(run / RELABELLED), RelabelledData(tmp_path / "thin")
    assert len(kept.parts["image"]) == 20
    pictures, actions = kept.at(torch.arange(20))
    known, taught = whole.at(torch.arange(len(whole)))
    for picture, action in zip(pictures, actions, strict=True):
        alike = (known == picture).flatten(1).all(dim=1)
        assert (taught[alike] == action).all(dim=1).any()


class Killed(Exception):
    """Ends a distillation where no error of ours would."""


def killer(updates):
    """Return a sink that raises once so many updates were told."""

    def told(metrics):
        if metrics["steps"] >= updates:
            raise Killed

    return told


@pytest.mark.parametrize("goals", [("onehot",), ("onehot", "index")])
def test_what_was_stopped_goes_on_bit_for_bit(tmp_path, teachers, monkeypatch, goals):
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_CHECKPOINT", 100)
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_TELLING", 50)
    runs = [teachers[task] for task in TASKS[:2]]
    asked = DistilRequest(goals=goals)
    whole = distil(asked, runs, tmp_path / "whole", nothing)
    path = tmp_path / "again"
    for updates in (50, 150, 350):
        with pytest.raises(Killed):
            distil(asked, runs, path, killer(updates))
        with pytest.raises(NoRun, match="has no policy yet"):
            UnifiedPolicy(path)
    again = distil(asked, runs, path, nothing)
    assert same(whole.current().best(), again.current().best())
    assert list(whole.current().told()) == list(again.current().told())


def test_while_a_task_joins_the_policy_is_what_it_was(tmp_path, teachers, monkeypatch):
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_CHECKPOINT", 100)
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_TELLING", 50)
    first = distil(DistilRequest(), [teachers[TASKS[0]]], tmp_path / "first", nothing).path
    whole = add(Path(shutil.copytree(first, tmp_path / "whole")), teachers[TASKS[1]], nothing)
    before = UnifiedPolicy(first)
    for updates in (50, 250):
        with pytest.raises(Killed):
            add(first, teachers[TASKS[1]], killer(updates))
        now = UnifiedPolicy(first)
        assert now.tasks == TASKS[:1]
        assert same(before.actor.state_dict(), now.actor.state_dict())
    with pytest.raises(OtherConfiguration, match=f"was begun with {TASKS[1]}.* not {TASKS[2]}"):
        add(first, teachers[TASKS[2]], nothing)
    again = add(first, teachers[TASKS[1]], nothing)
    assert same(whole.current().best(), again.current().best())


def test_a_second_call_after_the_end_changes_nothing(tmp_path, teachers):
    path = tmp_path / "u"
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    before = {one: one.stat().st_mtime_ns for one in path.rglob("best.checkpoint")}
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    assert before == {one: one.stat().st_mtime_ns for one in before}
    assert len(before) == 1


def test_a_wrong_number_in_a_loss_is_told_by_its_task(tmp_path, teachers, monkeypatch):
    def wrong(self, lesson, *_):
        self.updates += 1
        losses = torch.zeros(len(lesson.tasks))
        losses[list(lesson.tasks).index(1)] = float("nan")
        return losses

    with monkeypatch.context() as broken:
        broken.setattr("polytask_learning.agents.distiller.Distiller.update", wrong)
        with pytest.raises(NotFinite, match=f"the loss of {TASKS[1]} is no finite number"):
            distil(DistilRequest(), [teachers[task] for task in TASKS], tmp_path / "u", nothing)
    distil(DistilRequest(), [teachers[task] for task in TASKS], tmp_path / "u", nothing)


def assert_refused(error, said, tmp_path, runs, request=None):
    """Assert that distilling is refused, and that nothing was written."""
    with pytest.raises(error, match=said):
        distil(request or DistilRequest(), runs, tmp_path / "u", nothing)
    assert not (tmp_path / "u").exists()


@pytest.mark.parametrize(
    ("unlike", "said"),
    [
        ({"action_size": 3}, "action_size of .*other is 3; valid: 2, as of .*north_west"),
        ({"state_size": 5}, "state_size of .*other is 5; valid: 2"),
        ({"suite": "line"}, "suite of .*other is 'line'; valid: 'point'"),
    ],
)
def test_experts_of_other_forms_are_told_apart(tmp_path, teachers, make_teacher, unlike, said):
    other = make_teacher(tmp_path / "other", TASKS[1], **unlike)
    assert_refused(UnusableTeacher, said, tmp_path, [teachers[TASKS[0]], other])


def test_a_task_that_is_given_twice_is_refused(tmp_path, teachers, make_teacher):
    twin = make_teacher(tmp_path / "twin", TASKS[0], seed=7)
    said = f"the task '{TASKS[0]}' is given twice: by .*{TASKS[0]} and .*twin"
    assert_refused(UnusableTeacher, said, tmp_path, [teachers[TASKS[0]], twin])
    path = tmp_path / "one"
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    with pytest.raises(UnusableTeacher, match=f"the task '{TASKS[0]}' is given twice"):
        add(path, twin, nothing)


def test_data_of_another_expert_are_refused(tmp_path, make_teacher):
    run, other = (make_teacher(tmp_path / str(seed), TASKS[0], seed=seed) for seed in (0, 1))
    shutil.copy(other / RELABELLED, run / RELABELLED)
    said = r"is by the expert \w{12}, and that of the run is \w{12}; `polytask relabel .*` makes"
    assert_refused(UnusableTeacher, said, tmp_path, [run])
    (run / RELABELLED).unlink()
    assert_refused(UnusableTeacher, "has no relabelled.safetensors", tmp_path, [run])


def test_damaged_data_are_refused(tmp_path, make_teacher):
    run = make_teacher(tmp_path / "run", TASKS[0])
    content = bytearray((run / RELABELLED).read_bytes())
    content[-100] ^= 1
    (run / RELABELLED).write_bytes(content)
    assert_refused(BrokenData, "do not match its checksum", tmp_path, [run])


def test_a_modality_that_is_missing_for_a_task_is_named(tmp_path, teachers, make_teacher):
    without = make_teacher(tmp_path / "without", TASKS[1], goal=False)
    said = f"the task '{TASKS[1]}' has no image goal; valid: one or more"
    asked = DistilRequest(goals=("onehot", "image"))
    assert_refused(InvalidGoal, said, tmp_path, [teachers[TASKS[0]], without], asked)


def test_pictures_are_missing_where_experts_saw_states(tmp_path, teachers):
    run, asked = teachers[TASKS[0]], DistilRequest("pixels")
    said = f"in {run}/.* no observation 'pixels'; valid: state; `polytask learn --pictures` keeps"
    assert_refused(UnusableTeacher, said, tmp_path, [run], asked)


def test_goal_images_come_from_demonstrations_where_there_are_some(tmp_path, make_teacher):
    store = EpisodeStore(tmp_path / "store")
    suite = find_suite("point")
    environment = suite.make(TASKS[0], 0, Observations(image=(24, 24)))
    for seed in (0, 1):
        store.add(attempt(environment, suite.demonstrator(TASKS[0]), seed))
    environment.close()
    run = make_teacher(tmp_path / "run", TASKS[0], goal=False)
    asked = DistilRequest(goals=("image",))
    folder = distil(asked, [run], tmp_path / "u", nothing, demonstrations=store)
    assert folder.goal_image == (24, 24)
    assert UnifiedPolicy(folder.path).book.of("image", 0).shape[1:] == (3, 24, 24)
    (task,) = folder.current().tasks
    assert len(task["pictures"]) == 2


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"goals": ()}, InvalidSetting, "goals are none; valid: one or more"),
        ({"goals": ("onehot", "onehot")}, InvalidSetting, "goals are onehot, onehot; valid"),
        ({"goals": ("song",)}, UnknownName, "modality 'song'; valid: onehot, language"),
        ({"observations": "sound"}, UnknownName, "observation 'sound'; valid: state, pixels"),
        ({"preset": "slow"}, UnknownName, "preset 'slow'; valid: fast, paper"),
        ({"preset": "paper", "goals": ("onehot", "index")}, InvalidSetting, "preset paper: one"),
        ({"keep": -1}, InvalidSetting, "keep is -1; valid: at least 0"),
        ({"hidden": (0,)}, InvalidSetting, "hidden is"),
    ],
)
def test_a_request_for_what_there_is_not_is_refused(changes, error, said):
    with pytest.raises(error, match=said):
        _ = DistilRequest(**changes).settings


def test_more_tasks_than_one_hot_goals_are_refused(tmp_path, teachers, preset):
    preset(capacity=2, one_hot=2)
    runs = [teachers[task] for task in TASKS]
    assert_refused(InvalidGoal, "the one-hot goal is 2; valid: 0 to 1", tmp_path, runs)


def test_an_experts_run_is_no_policy_and_the_other_way_round(tmp_path, teachers):
    with pytest.raises(NoRun, match="is an expert's run; valid: a unified policy's"):
        UnifiedFolder(teachers[TASKS[0]])
    path = tmp_path / "u"
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    with pytest.raises(UnusableTeacher, match="is a policy of many tasks; valid: an expert's run"):
        add(path, path, nothing)


def test_what_another_request_began_is_left(tmp_path, teachers):
    path = tmp_path / "u"
    distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    with pytest.raises(OtherConfiguration, match="has seed 0, not 1"):
        distil(DistilRequest(seed=1), [teachers[TASKS[0]]], path, nothing)
    with pytest.raises(OtherConfiguration, match=f"was begun with {TASKS[0]}.*, not {TASKS[1]}"):
        distil(DistilRequest(), [teachers[TASKS[1]]], path, nothing)


def test_a_damaged_policy_is_refused(tmp_path, teachers):
    path = tmp_path / "u"
    folder = distil(DistilRequest(), [teachers[TASKS[0]]], path, nothing)
    checkpoint = folder.current().path / "checkpoints" / "best.checkpoint"
    content = bytearray(checkpoint.read_bytes())
    content[-9] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(BrokenCheckpoint, match="do not match its checksum"):
        UnifiedPolicy(path)


def test_an_evaluation_is_kept_with_its_stage_and_its_goal(tmp_path, teachers, monkeypatch):
    path = tmp_path / "u"
    folder = distil(DistilRequest(goals=("onehot", "index")), [teachers[TASKS[0]]], path, nothing)
    stage = folder.current()
    found = evaluate_task(folder, stage, TASKS[0], "index", range(3))
    assert (stage.path / "evaluations" / "index" / TASKS[0] / "0-2.json").exists()
    monkeypatch.setattr("polytask_learning.distilling.evaluate_unified.evaluate", None)
    assert evaluate_task(folder, stage, TASKS[0], "index", range(3)) == found
    with pytest.raises(UnknownName, match="modality 'image'; valid: onehot, index"):
        evaluate_task(folder, stage, TASKS[0], "image", range(3))


def test_a_teacher_that_is_gone_is_unknown(tmp_path, make_teacher):
    run = make_teacher(tmp_path / "run", TASKS[0])
    folder = distil(DistilRequest(), [run], tmp_path / "u", nothing)
    assert evaluate_teacher(folder.current(), TASKS[0], range(2)) is not None
    run.rename(tmp_path / "elsewhere")
    assert evaluate_teacher(folder.current(), TASKS[0], range(2)) is None


@pytest.fixture
def spoken(monkeypatch):
    """Understand sentences by their last words, instead of by a large model."""

    def encode(sentence):
        about = [float(word in sentence) for word in ("west", "east", "north", "cheese")]
        return np.array(about + [0.1] + [0.0] * 379, np.float32)

    monkeypatch.setattr("polytask_learning.goals.text.load_minilm", lambda: encode)


@pytest.mark.usefixtures("spoken")
def test_a_paraphrase_is_understood_and_another_sentence_is_refused(tmp_path, teachers):
    runs = [teachers[task] for task in TASKS[:2]]
    folder = distil(DistilRequest(goals=("language",)), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    assert policy.understood("please move over to the north west").task == TASKS[0]
    assert policy.understood("east, now").task == TASKS[1]
    said = "'more cheese' is like no task of the policy; the nearest are .* valid: 0.5 or more"
    with pytest.raises(UnknownGoal, match=said):
        policy.understood("more cheese")
    with pytest.raises(InvalidGoal, match="valid: a sentence"):
        policy.understood(" ")


LITTLE = ("--hidden", 16, "--updates", 400)
POLYTASK = shutil.which("polytask") or "polytask"


def polytask(*words):
    command = [POLYTASK, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_distils_adds_evaluates_and_plays(tmp_path, teachers):
    path = tmp_path / "u"
    done = polytask("distill", "--runs", teachers[TASKS[0]], "--output", path, *LITTLE)
    assert done.returncode == 0, done.stderr
    assert f"one policy of 1 tasks, asked by onehot: {TASKS[0]}" in done.stdout
    done = polytask("lifelong", "add", "--run", path, "--expert", teachers[TASKS[1]])
    assert done.returncode == 0, done.stderr
    assert "one policy of 2 tasks" in done.stdout
    found = tmp_path / "found.json"
    words = ["--episodes", 2, "--stages", "all", "--json", found]
    done = polytask("evaluate", path, *words)
    assert done.returncode == 0, done.stderr
    (about,) = json.loads(found.read_text())["policies"]
    assert [(row["stage"], row["task"]) for row in about["rows"]] == [
        (0, TASKS[0]),
        (1, TASKS[0]),
        (1, TASKS[1]),
    ]
    assert {"effective_tasks", "retention", "forgetting"} <= about["goals"][0].keys()
    film = tmp_path / "film.mp4"
    done = polytask("play", path, "--onehot", TASKS[1], "--output", film)
    assert done.returncode == 0, done.stderr
    assert film.stat().st_size > 1000
    for words, said in (
        (["--onehot", "north"], "there is no task 'north'; valid: north_west, south_east"),
        (["--goal", "go north"], "there is no modality 'language'; valid: onehot"),
        (["--goal-image", film], "a picture does not say in which world to act"),
    ):
        done = polytask("play", path, *words, "--output", tmp_path / "none.mp4")
        assert done.returncode in (1, 2)
        assert said in done.stderr
    assert not (tmp_path / "none.mp4").exists()
    done = polytask("evaluate", teachers[TASKS[0]], "--goal", "language")
    assert done.returncode == 2
    assert "--goal and --stages are about policies of many tasks; none is given" in done.stderr


def test_a_killed_process_is_gone_on_with(tmp_path, teachers):
    words = ["distill", "--runs", teachers[TASKS[0]], "--hidden", 16, "--updates", 6000, "--output"]
    whole = tmp_path / "whole"
    assert polytask(*words, whole).returncode == 0
    path = tmp_path / "again"
    process = subprocess.Popen([POLYTASK, *map(str, words), path], stdout=subprocess.DEVNULL)
    latest = path / "stages" / "000" / "checkpoints" / "latest.checkpoint"
    until = time.monotonic() + 60
    while not latest.exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not UnifiedFolder(path).stages()[0].has_best
    assert polytask(*words, path).returncode == 0
    found, wanted = (UnifiedFolder(one).current().best() for one in (path, whole))
    assert same(found, wanted)


def test_an_expert_that_sees_states_teaches_one_that_sees_pictures(tmp_path, monkeypatch):
    tiny = ExpertSettings(hidden=(16,), critic_hidden=(16,), batch=8, imitation_updates=50)
    monkeypatch.setitem(PRESETS, "tiny", tiny)
    store = EpisodeStore(tmp_path / "store")
    suite = find_suite("point")
    environment = suite.make(TASKS[0], 0, Observations())
    store.add(attempt(environment, suite.demonstrator(TASKS[0]), 0))
    environment.close()
    request = Request("point", TASKS[0], preset="tiny", steps=80, evaluate_every=80, pictures=True)
    run = learn(request, store, tmp_path / "run", nothing).path
    teacher = TrainedExpert(run)
    assert teacher.form.image == (84, 84)
    environment = teacher.environment()
    assert "image" not in environment.observation_spec()
    environment.close()
    path = relabel(run, 60)
    seen = RelabelledData(path)
    shown = RelabelledData(path, "pixels")
    states, actions = seen.at(torch.arange(len(seen)))
    pictures, same_actions = shown.at(torch.arange(len(shown)))
    assert pictures.shape == (60, 9, 84, 84)
    torch.testing.assert_close(teacher.expert.act(states, explore=False), actions)
    assert torch.equal(actions, same_actions)
    # The newest picture of a step shows the point where its state says it is.
    for picture, state in zip(pictures[:5, 6:], states, strict=False):
        white = (picture.amin(dim=0) > 240).nonzero().float().mean(dim=0)
        assert (white / 42 - 1 - torch.tensor([-state[1], state[0]])).abs().max() < 0.03
    asked = DistilRequest("pixels", updates=3)
    folder = distil(asked, [run], tmp_path / "u", nothing)
    assert folder.frame_stack == 3
    evaluate_task(folder, folder.current(), TASKS[0], "onehot", range(1))


def test_a_policy_with_one_goal_in_front_of_it_is_a_smaller_one(tmp_path, teachers):
    runs = [teachers[task] for task in TASKS]
    folder = distil(DistilRequest(goals=("onehot", "index")), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    states = torch.rand(50, 2) * 2 - 1
    for task in TASKS:
        goal = policy.book.of("index", TASKS.index(task))
        with torch.no_grad():
            alone = policy.actor.folded(policy.actor.goals["index"](goal)[0])
            done = alone(policy.actor.encoder(states))
        shown = policy.policy_for(task, "index")._agent.act(states, explore=False)
        torch.testing.assert_close(done, shown)


@pytest.fixture
def tiny(monkeypatch):
    """Return a request that takes no time, and a store of what it is shown."""
    settings = ExpertSettings(hidden=(16,), critic_hidden=(16,), batch=8, imitation_updates=0)
    monkeypatch.setitem(PRESETS, "tiny", settings)
    cloning = replace(settings, batch=32, imitation_updates=300, first_steps=40, critic_first=40)
    monkeypatch.setitem(PRESETS, "cloning", cloning)
    return Request("point", TASKS[2], preset="tiny", steps=80, evaluate_every=80)


@pytest.mark.usefixtures("spoken")
def test_an_expert_begins_as_the_policy_does_what_it_is_asked(tmp_path, teachers, tiny, store):
    runs = [teachers[task] for task in TASKS]
    folder = distil(DistilRequest(goals=("index", "language")), runs, tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    asked, make = started_from(policy, tiny)
    assert asked.start == folder.current().best_hash()
    run = learn(asked, store, tmp_path / "run", nothing, make=make)
    expert = TrainedExpert(run.path)
    assert expert.request == asked
    assert expert.request.settings.hidden == SMALL.hidden
    # It knows the task already, and nothing was imitated or learnt before the first evaluation.
    assert next(run.told())["evaluation/held"] > 0.9
    with pytest.raises(OtherConfiguration, match="has hidden"):
        learn(tiny, store, tmp_path / "run", nothing)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observations": "pixels"}, "observations is pixels; valid: state, as of"),
        ({"suite": "line"}, "suite is line; valid: point, as of"),
        ({"preset": "paper"}, "layer_norm is False; valid: True"),
    ],
)
def test_an_expert_cannot_begin_as_a_policy_of_another_form(
    tmp_path, teachers, tiny, changes, said
):
    folder = distil(DistilRequest(updates=1), [teachers[TASKS[0]]], tmp_path / "u", nothing)
    policy = UnifiedPolicy(folder.path)
    with pytest.raises(InvalidSetting, match=said):
        started_from(policy, replace(tiny, **changes))


def test_an_expert_cannot_begin_as_a_policy_that_takes_pictures_alone(tmp_path, teachers, tiny):
    asked = DistilRequest(goals=("image",), updates=1)
    folder = distil(asked, [teachers[TASKS[0]]], tmp_path / "u", nothing)
    with pytest.raises(InvalidSetting, match=r"the goals of .* are image; valid: lang"):
        started_from(UnifiedPolicy(folder.path), tiny)


def test_a_policy_practises_a_task_by_itself_and_keeps_the_others(
    tmp_path, teachers, tiny, store, error_of, preset
):
    preset(batch=64)
    path = tmp_path / "u"
    folder = distil(DistilRequest(), [teachers[task] for task in TASKS[:2]], path, nothing)
    size = UnifiedPolicy(path).actor.size
    before = [error_of(UnifiedPolicy(path), task, "onehot") for task in TASKS[:2]]
    asked = replace(tiny, preset="cloning", steps=120, evaluate_every=40)
    practise(path, asked, store, nothing)
    after = UnifiedPolicy(path)
    assert after.tasks == TASKS
    assert after.actor.size == size
    kept = [error_of(after, task, "onehot") for task in TASKS[:2]]
    assert max(kept) < max(before) + 0.05
    assert error_of(after, TASKS[2], "onehot") < 0.5 * error_of(after, TASKS[0], "onehot", TASKS[2])
    # What it practised has the actions of the policy that it became.
    data = RelabelledData(folder.data(TASKS[2]))
    states, actions = data.at(torch.arange(len(data)))
    shown = after.policy_for(TASKS[2], "onehot")._agent.act(states, explore=False)
    torch.testing.assert_close(shown, actions)
    assert evaluate_teacher(folder.current(), TASKS[2], range(2)) is not None
    with pytest.raises(InvalidSetting, match=f"knows the task '{TASKS[2]}' already"):
        practise(path, asked, store, nothing)


def test_practice_that_was_stopped_goes_on_bit_for_bit(
    tmp_path, teachers, tiny, store, monkeypatch
):
    settings = replace(PRESETS["cloning"], imitation_updates=5)
    monkeypatch.setitem(PRESETS, "clumsy", settings)
    asked = replace(tiny, preset="clumsy", steps=160, evaluate_every=40)
    first = tmp_path / "first"
    distil(DistilRequest(updates=50), [teachers[TASKS[0]]], first, nothing)
    other = Path(shutil.copytree(first, tmp_path / "other"))
    whole = practise(first, asked, store, nothing)
    for steps in (80, 120):
        with pytest.raises(Killed):
            practise(other, asked, store, killer(steps))
        assert UnifiedPolicy(other).tasks == TASKS[:1]
    again = practise(other, asked, store, nothing)
    assert same(whole.current().best(), again.current().best())


def test_the_command_lets_a_policy_practise(tmp_path, teachers, store):
    path = tmp_path / "u"
    distil(DistilRequest(updates=50), [teachers[TASKS[0]]], path, nothing)
    words = ["lifelong", "practise", "--run", path, "--demonstrations", store.root]
    done = polytask(*words, "--task", TASKS[1], "--steps", 40, "--evaluate-every", 40)
    assert done.returncode == 0, done.stderr
    assert "0 steps: success" in done.stdout
    assert "one policy of 2 tasks" in done.stdout
    done = polytask(*words, "--task", "north")
    assert done.returncode == 1
    assert "there is no task 'north'; valid: north_west" in done.stderr


def test_a_policy_of_a_preset_that_has_changed_is_what_it_was(tmp_path, teachers, error_of, preset):
    path = tmp_path / "u"
    distil(DistilRequest(), [teachers[task] for task in TASKS[:2]], path, nothing)
    before = UnifiedPolicy(path)
    preset(hidden=(32,), goal_features=8, capacity=16, one_hot=16, added_updates=1)
    after = UnifiedPolicy(path)
    assert same(before.actor.state_dict(), after.actor.state_dict())
    assert error_of(after, TASKS[0], "onehot") == error_of(before, TASKS[0], "onehot")
    with pytest.raises(OtherConfiguration, match="has added_updates 400, not 1"):
        distil(DistilRequest(), [teachers[task] for task in TASKS[:2]], path, nothing)
    # Tasks that join are learnt as the policy began.
    folder = add(path, teachers[TASKS[2]], nothing)
    assert folder.current().best()["distiller"]["updates"] == SMALL.added_updates
