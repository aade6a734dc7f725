"""What becomes of a policy that lives long: tasks join, steps are given up, folders move."""

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
from polytask_learning.training.learn import learn
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.request import Request
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
