"""What becomes of a policy that lives long: tasks join, steps are given up, folders move."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from polytask_contract.cli import command
from polytask_contract.episodes.store import EpisodeStore
from polytask_learning import distil_settings
from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.drop import NothingToDrop, drop
from polytask_learning.distilling.evaluate_unified import evaluate_teacher
from polytask_learning.distilling.practise import practise
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.teachers import UnusableTeacher
from polytask_learning.distilling.transfer import started_from
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import InvalidGoal
from polytask_learning.goals.one_hot import OneHot
from polytask_learning.settings import PRESETS, ExpertSettings
from polytask_learning.training.checkpoint import BrokenCheckpoint, same, write_checkpoint
from polytask_learning.training.learn import learn
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import NoRun, OtherConfiguration
from polytask_learning.training.trained import TrainedExpert

TASKS = ("north_west", "south_east", "south_west")
SMALL = DistilRequest(hidden=(16,), updates=20)


def nothing(metrics):
    del metrics


@pytest.fixture(scope="module")
def teachers(tmp_path_factory, make_teacher):
    place = tmp_path_factory.mktemp("teachers")
    return [make_teacher(place / task, task, steps=200) for task in TASKS]


@pytest.fixture
def asked(monkeypatch):
    """Return a request for an expert of the last task that takes no time."""
    tiny = ExpertSettings(hidden=(16,), critic_hidden=(16,), batch=8, imitation_updates=0)
    monkeypatch.setitem(PRESETS, "tiny", tiny)
    measured = replace(tiny, measured=True, first_steps=80, critic_first=0)
    monkeypatch.setitem(PRESETS, "measured", measured)
    return Request("point", TASKS[2], preset="tiny", steps=80, evaluate_every=80)


@pytest.fixture
def path(tmp_path, teachers):
    """Return the folder of a policy of the first task."""
    return distil(SMALL, teachers[:1], tmp_path / "u", nothing).path


def test_a_policy_that_practises_sees_states_as_its_old_tasks_do(path, store, asked):
    before = UnifiedPolicy(path).actor.encoder
    practise(path, replace(asked, preset="measured", demonstrations=0), store, nothing)
    policy = UnifiedPolicy(path)
    assert policy.tasks == (TASKS[0], TASKS[2])
    assert torch.equal(policy.actor.encoder.mean, before.mean)
    assert torch.equal(policy.actor.encoder.scale, before.scale)


def test_an_expert_that_began_as_a_policy_sees_states_as_that_does(tmp_path, path, store, asked):
    policy = UnifiedPolicy(path)
    request, make = started_from(policy, replace(asked, preset="measured", demonstrations=0))
    run = learn(request, store, tmp_path / "run", nothing, make=make).path
    encoder = TrainedExpert(run).expert.encoder
    assert torch.equal(encoder.mean, policy.actor.encoder.mean)
    assert torch.equal(encoder.scale, policy.actor.encoder.scale)


def test_a_policys_data_are_its_own(tmp_path, make_teacher, teachers):
    run = make_teacher(tmp_path / "run", TASKS[0])
    path = distil(SMALL, [run], tmp_path / "u", nothing).path
    # As `cp` and `rsync --inplace` write.
    with (run / RELABELLED).open("r+b") as file:
        file.seek(3000)
        file.write(bytes(8))
    add(path, teachers[1], nothing)
    assert UnifiedPolicy(path).tasks == TASKS[:2]


@pytest.mark.parametrize(
    "manifest", ["[]", "{", "{}", '{"tasks": [], "made_with": {}}', '{"tasks": [5]}']
)
def test_a_damaged_stage_is_named(path, manifest):
    (path / "stages" / "000" / "manifest.json").write_text(manifest)
    with pytest.raises(NoRun, match=r"the manifest of .*000 is not|000.manifest.json is damaged"):
        UnifiedPolicy(path)


def test_a_copy_beside_the_stages_is_none(path, teachers):
    add(path, teachers[1], nothing)
    for name in ("000.old", "copy", "1", "\u0661\u0661\u0661"):
        shutil.copytree(path / "stages" / "000", path / "stages" / name)
    folder = add(path, teachers[2], nothing)
    assert [stage.number for stage in folder.stages()] == [0, 1, 2]
    assert list(folder.current().runs) == list(TASKS)


def test_a_stage_that_is_missing_is_named(path, teachers):
    add(path, teachers[1], nothing)
    shutil.rmtree(path / "stages" / "000")
    assert UnifiedPolicy(path).tasks == TASKS[:2]
    add(path, teachers[2], nothing)
    assert UnifiedPolicy(path).tasks == TASKS
    shutil.rmtree(path / "stages" / "001")
    (path / "stages" / "002" / "checkpoints" / "best.checkpoint").unlink()
    with pytest.raises(NoRun, match="u has no policy yet"):
        add(path, teachers[2], nothing)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("hidden", [32], "u/stages/000 does not fit its manifest: .*size mismatch"),
        ("hidden", "wide", "u/stages/000 does not fit|manifest of .*u is of another version"),
        ("layer_norm", False, "u/stages/000 does not fit its manifest: .*key"),
        ("hidden", 5, "u/stages/000 does not fit|manifest of .*u is of another version"),
    ],
)
def test_weights_of_other_settings_are_told_in_a_sentence(path, teachers, setting, value, said):
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["settings"][setting] = value
    (path / "manifest.json").write_text(json.dumps(manifest))
    for does in (lambda: UnifiedPolicy(path), lambda: add(path, teachers[1], nothing)):
        with pytest.raises((BrokenCheckpoint, NoRun), match=said) as caught:
            does()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [{}, {"distiller": 5}, {"distiller": {"actor": None}}])
def test_a_checkpoint_of_something_else_is_told_in_a_sentence(path, teachers, content):
    write_checkpoint(path / "stages" / "000" / "checkpoints" / "best.checkpoint", content)
    for does in (lambda: UnifiedPolicy(path), lambda: add(path, teachers[1], nothing)):
        with pytest.raises(BrokenCheckpoint, match="u/stages/000 does not fit its manifest"):
            does()


class Stopped(Exception):
    """Ends what is under way where no error of ours would."""


def stop(metrics):
    raise Stopped(metrics)


def stopped(does, *words, **more):
    """Let `does` begin, and stop it when it first tells of something."""
    with pytest.raises(Stopped):
        does(*words, stop, **more)


@pytest.fixture
def other(tmp_path, teachers):
    """Return a run of the second expert that may be harmed."""
    return Path(shutil.copytree(teachers[1], tmp_path / "other"))


def gone(run):
    shutil.rmtree(run)


def learnt_on(run):
    write_checkpoint(run / "checkpoints" / "best.checkpoint", {"expert": 1})


def unreadable(run):
    (run / RELABELLED).write_bytes(b"")


@pytest.mark.parametrize("harm", [gone, learnt_on, unreadable])
def test_a_task_that_was_to_join_goes_on_without_its_experts_run(path, teachers, other, harm):
    whole = add(Path(shutil.copytree(path, path.with_name("whole"))), teachers[1], nothing)
    stopped(add, path, other)
    harm(other)
    folder = add(path, other, nothing)
    assert same(folder.current().best(), whole.current().best())


@pytest.mark.parametrize("harm", [gone, learnt_on, unreadable])
def test_a_distillation_goes_on_without_its_experts_runs(tmp_path, teachers, other, harm):
    whole = distil(SMALL, teachers[:2], tmp_path / "whole", nothing)
    path, runs = tmp_path / "u", [teachers[0], other]
    stopped(distil, SMALL, runs, path)
    harm(other)
    for changed, said in (
        (replace(SMALL, seed=1), "has seed 0, not 1"),
        (replace(SMALL, updates=21), "has .*updates 20, not 21"),
        (replace(SMALL, keep=5), "has keep 0, not 5"),
    ):
        with pytest.raises(OtherConfiguration, match=said):
            distil(changed, runs, path, nothing)
    folder = distil(SMALL, runs, path, nothing)
    assert same(folder.current().best(), whole.current().best())


def test_a_step_that_lacks_its_experts_data_says_how_to_give_it_up(path, other):
    stopped(add, path, other)
    (path / "data" / f"{TASKS[1]}.safetensors").unlink()
    shutil.rmtree(other)
    said = r"other is no run.*; stage 1 of .*u, which was stopped.*`polytask lifelong drop --run"
    with pytest.raises(UnusableTeacher, match=said):
        add(path, other, nothing)


def test_while_a_task_is_to_join_another_one_is_told_how_to_give_it_up(
    path, teachers, store, asked
):
    stopped(add, path, teachers[1])
    said = f"stage 1 of .*{TASKS[1]}.*`polytask lifelong drop --run {path}`"
    with pytest.raises(OtherConfiguration, match=said):
        add(path, teachers[2], nothing)
    with pytest.raises(OtherConfiguration, match=said):
        practise(path, asked, store, nothing)
    assert not (path / "practice").exists()


def test_what_was_to_join_is_given_up_and_the_policy_stays(path, teachers):
    before = UnifiedFolder(path).current().best_hash()
    with pytest.raises(NothingToDrop, match="u has finished all that it has begun to learn"):
        drop(path)
    stopped(add, path, teachers[1])
    stage, data = path / "stages" / "001", path / "data" / f"{TASKS[1]}.safetensors"
    assert drop(path) == (TASKS[1], [stage, data])
    assert UnifiedFolder(path).current().best_hash() == before
    assert [one.name for one in (path / "data").iterdir()] == [f"{TASKS[0]}.safetensors"]
    assert [one.name for one in (path / "stages").iterdir()] == ["000"]
    add(path, teachers[2], nothing)
    assert UnifiedPolicy(path).tasks == (TASKS[0], TASKS[2])
    with pytest.raises(NothingToDrop, match="u has finished"):
        drop(path)


def test_who_was_killed_giving_up_has_given_up(path, teachers, monkeypatch):
    stopped(add, path, teachers[1])

    def die(path):
        raise Stopped(path)

    with monkeypatch.context() as killed:
        killed.setattr("polytask_learning.distilling.drop.shutil.rmtree", die)
        with pytest.raises(Stopped):
            drop(path)
    add(path, teachers[1], nothing)
    assert UnifiedPolicy(path).tasks == TASKS[:2]
    assert list(path.rglob("*.partial*")) == []


def test_a_first_stage_is_not_given_up(tmp_path, teachers):
    stopped(distil, SMALL, teachers[:1], tmp_path / "u")
    with pytest.raises(NoRun, match="u has no policy yet"):
        drop(tmp_path / "u")
    assert (tmp_path / "u" / "stages" / "000").exists()


def test_practice_that_another_task_has_overtaken_begins_anew(path, teachers, store, asked):
    stopped(practise, path, asked, store)
    add(path, teachers[1], nothing)
    said = f"south_west began as the policy .* has learnt more since.*drop --run {path}`"
    with pytest.raises(OtherConfiguration, match=said):
        practise(path, asked, store, nothing)
    with pytest.raises(NothingToDrop, match=f"not begun to learn 'north'; valid.*: {TASKS[2]}$"):
        drop(path, "north")
    assert drop(path) == (TASKS[2], [path / "practice" / TASKS[2]])
    practise(path, asked, store, nothing)
    assert UnifiedPolicy(path).tasks == TASKS


def test_of_several_practices_that_is_given_up_which_is_named(path, store, asked):
    for task in TASKS[1:]:
        stopped(practise, path, replace(asked, task=task), store)
    with pytest.raises(NothingToDrop, match=f"several tasks; valid .*: {TASKS[1]}, {TASKS[2]}"):
        drop(path)
    assert drop(path, TASKS[1])[0] == TASKS[1]
    practise(path, asked, store, nothing)


def test_nothing_is_practised_that_could_not_join(tmp_path, teachers, asked):
    pictured = distil(
        replace(SMALL, goals=("onehot", "image")), teachers[:1], tmp_path / "u", nothing
    )
    with pytest.raises(InvalidGoal, match=f"the task '{TASKS[2]}' has no image goal"):
        practise(pictured.path, asked, EpisodeStore(tmp_path / "blind"), nothing)
    assert not (pictured.path / "practice").exists()


def test_nothing_is_practised_that_one_hot_goals_have_no_room_for(
    tmp_path, teachers, store, asked, monkeypatch
):
    full = replace(distil_settings.DISTIL_PRESETS["fast"], capacity=1, one_hot=1)
    place = "polytask_learning.distilling.request.DISTIL_PRESETS"
    monkeypatch.setattr(place, {"fast": full})
    path = distil(SMALL, teachers[:1], tmp_path / "u", nothing).path
    with pytest.raises(InvalidGoal, match="the one-hot goal is 1; valid: 0 to 0"):
        practise(path, asked, store, nothing)
    assert not (path / "practice").exists()


def test_a_damaged_state_of_a_stage_says_what_to_do(path, teachers, monkeypatch):
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_CHECKPOINT", 1)
    monkeypatch.setattr("polytask_learning.distilling.training.UPDATES_PER_TELLING", 1)
    first = path.with_name("first")
    for begin, number in (
        (lambda sink: add(path, teachers[1], sink), path / "stages" / "001"),
        (lambda sink: distil(SMALL, teachers[:1], first, sink), first / "stages" / "000"),
    ):
        told = []

        def sink(metrics, told=told):
            told.append(metrics)
            if len(told) > 1:
                raise Stopped

        with pytest.raises(Stopped):
            begin(sink)
        (number / "checkpoints" / "latest.checkpoint").write_bytes(b"nonsense")
        way_out = (
            f"drop --run {path}`" if number.name == "001" else f"another place, or remove {first}"
        )
        with pytest.raises(BrokenCheckpoint, match=f"latest.*is not a whole checkpoint.*{way_out}"):
            begin(nothing)


def test_the_command_gives_up_what_was_to_join(path, teachers, capsys):
    stopped(add, path, teachers[1])
    assert command.main(["lifelong", "drop", "--run", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"{TASKS[1]} is given up; removed: {path}/stages/001, {path}/data/{TASKS[1]}.saf" in said
    assert f"one policy of 1 tasks, asked by onehot: {TASKS[0]}" in said
    assert command.main(["lifelong", "drop", "--run", str(path)]) == 1
    assert "has finished all that it has begun" in capsys.readouterr().err


@pytest.mark.parametrize("known", [0, 1, 2])
def test_an_expert_that_is_known_is_not_added_again(tmp_path, teachers, known):
    path = distil(replace(SMALL, keep=30), teachers[:2], tmp_path / "u", nothing).path
    folder = add(path, teachers[2], nothing, keep=20)
    before = sorted((one, one.stat().st_mtime_ns) for one in path.rglob("*.checkpoint"))
    kept = (30, 30, 20)[known]
    for keep in (None, kept):
        add(path, teachers[known], nothing, keep=keep)
    with pytest.raises(
        OtherConfiguration, match=f"to keep {kept} steps of it, not 25; .*for {kept}"
    ):
        add(path, teachers[known], nothing, keep=25)
    assert before == sorted((one, one.stat().st_mtime_ns) for one in path.rglob("*.checkpoint"))
    assert len(folder.stages()) == 2


def test_a_policy_that_moves_takes_its_practice_along(tmp_path, path, teachers, store, asked):
    practise(path, asked, store, nothing)
    told = json.loads((path / "stages" / "001" / "manifest.json").read_text())["made_with"]
    assert told["practised"] is True
    assert told["runs"] == {TASKS[0]: str(teachers[0]), TASKS[2]: f"practice/{TASKS[2]}"}
    moved = path.rename(tmp_path / "moved")
    folder = add(moved, teachers[1], nothing)
    for stage in folder.stages()[1:]:
        assert stage.runs[TASKS[2]] == str(moved / "practice" / TASKS[2])
        assert evaluate_teacher(stage, TASKS[2], range(1)) is not None
        assert stage.runs[TASKS[0]] == str(teachers[0])


def test_practice_of_an_earlier_version_is_found_where_it_was(path, store, asked):
    practise(path, asked, store, nothing)
    place = path / "stages" / "001" / "manifest.json"
    told = json.loads(place.read_text())
    told["made_with"]["runs"][TASKS[2]] = str(path / "practice" / TASKS[2])
    del told["made_with"]["practised"]
    place.write_text(json.dumps(told))
    stage = UnifiedFolder(path).current()
    assert stage.runs[TASKS[2]] == str(path / "practice" / TASKS[2])
    assert stage.joined_by_practice


def stamped(path):
    """Return when each file below `path` was last written."""
    return {one: one.stat().st_mtime_ns for one in path.rglob("*") if one.is_file()}


def test_a_second_call_after_the_end_writes_nothing(path, teachers, monkeypatch):
    add(path, teachers[1], nothing)
    before = stamped(path)
    opened = Path.open

    def reading(path, mode="r", *rest, **more):
        if set(mode) & set("awx+"):
            raise OSError(30, "Read-only file system", str(path))
        return opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", reading)
    distil(SMALL, teachers[:1], path, nothing)
    add(path, teachers[1], nothing)
    assert stamped(path) == before


def test_goals_of_weights_stay_what_they_were(path, teachers, monkeypatch):
    before = UnifiedFolder(path).current().goals()
    # As another text model would have it.
    monkeypatch.setattr(
        OneHot, "__call__", lambda self, number: torch.full(self.shape, number + 7.0)
    )
    distil(SMALL, teachers[:1], path, nothing)
    assert same(UnifiedFolder(path).current().goals(), before)


def test_other_goal_pictures_than_a_policy_was_begun_with_are_counted(tmp_path, teachers, store):
    pictured = EpisodeStore(Path(shutil.copytree(store.root, tmp_path / "store")))
    asked, path = replace(SMALL, goals=("image",)), tmp_path / "u"
    distil(asked, teachers[:1], path, nothing, demonstrations=pictured)
    pictured.add(next(pictured.episodes("point", TASKS[0])))
    pictured.add(next(pictured.episodes("point", TASKS[0])))
    said = f"stage 0 of .*{TASKS[0]} by 1 goal pictures, not the 3 that there are now; give"
    with pytest.raises(OtherConfiguration, match=said) as caught:
        distil(asked, teachers[:1], path, nothing, demonstrations=pictured)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("goals", "place", "said"),
    [
        (["onehot"], "store", r"goals are onehot; valid: with image among them"),
        (["image"], "nowhere", r"nowhere is no folder; valid: a store of demonstrations"),
    ],
)
def test_demonstrations_that_nobody_would_look_at_are_refused(
    tmp_path, teachers, capsys, goals, place, said
):
    (tmp_path / "store").mkdir()
    path = distil(replace(SMALL, goals=tuple(goals)), teachers[:1], tmp_path / "u", nothing).path
    shown = ["--demonstrations", str(tmp_path / place)]
    words = ["--runs", str(teachers[0]), "--goal", *goals, "--output", str(tmp_path / "new")]
    assert command.main(["distill", *words, *shown]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    words = ["--run", str(path), "--expert", str(teachers[1])]
    assert command.main(["lifelong", "add", *words, *shown]) == 2
    assert said in capsys.readouterr().err
