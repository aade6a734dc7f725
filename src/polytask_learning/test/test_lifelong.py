"""What becomes of a policy that lives long: tasks join, steps are given up, folders move."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.practise import practise
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.transfer import started_from
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.settings import PRESETS, ExpertSettings
from polytask_learning.training.checkpoint import BrokenCheckpoint, write_checkpoint
from polytask_learning.training.learn import learn
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import NoRun
from polytask_learning.training.trained import TrainedExpert

TASKS = ("north_west", "south_east", "south_west")
SMALL = DistilRequest(hidden=(16,), updates=20)


def nothing(metrics):
    del metrics


@pytest.fixture(scope="module")
def teachers(tmp_path_factory, make_teacher):
    place = tmp_path_factory.mktemp("teachers")
    return [make_teacher(place / task, task, steps=200) for task in TASKS]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = EpisodeStore(tmp_path_factory.mktemp("store") / "demonstrations")
    suite = find_suite("point")
    for task in TASKS:
        environment = suite.make(task, 0, Observations())
        store.add(attempt(environment, suite.demonstrator(task), 0))
        environment.close()
    return store


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
