"""A run goes on bit for bit after whatever ended it, whatever it sees and is rewarded by."""

import dataclasses
import resource
import subprocess

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import PolyTaskError
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning import settings
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.reports.run_report import write_report
from polytask_learning.training.checkpoint import BrokenCheckpoint, same
from polytask_learning.training.evaluate_run import evaluate_run
from polytask_learning.training.learn import learn, learn_in
from polytask_learning.training.loop import NotFinite
from polytask_learning.training.relabel import relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert

TASK = "north_east"
TINY = settings.ExpertSettings(
    hidden=(16,),
    critic_hidden=(16,),
    features=8,
    batch=8,
    average_rate=0.1,
    first_steps=80,
    critic_first=5,
    imitation_updates=3,
)
WAYS = [("state", "env"), ("state", "ot"), ("pixels", "ot")]


class CableOut(PolyTaskError):
    """An environment is gone."""


class Dying:
    """An environment that is gone after so many steps."""

    def __init__(self, environment, steps):
        self._environment, self._left = environment, steps

    def __getattr__(self, name):
        return getattr(self._environment, name)

    def step(self, action):
        self._left -= 1
        if not self._left:
            raise CableOut("the environment does not answer")
        return self._environment.step(action)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Make a preset that takes no time."""
    monkeypatch.setitem(settings.PRESETS, "tiny", TINY)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = EpisodeStore(tmp_path_factory.mktemp("run") / "demonstrations")
    suite = find_suite("point")
    environment = suite.make(TASK, 0, Observations())
    store.add(attempt(environment, suite.demonstrator(TASK), 0))
    environment.close()
    return store


def request(observations="state", reward="env", **changes):
    asked = {"steps": 240, "evaluate_every": 120, "preset": "tiny"} | changes
    return Request("point", TASK, observations=observations, reward=reward, **asked)


def ignore(metrics):
    """Take no notice."""


@pytest.mark.parametrize(("observations", "reward"), WAYS)
def test_it_ends_alike_when_its_environment_died_on_the_way(store, tmp_path, observations, reward):
    asked = request(observations, reward)
    whole = learn(asked, store, tmp_path / "whole", ignore)
    suite = find_suite("point")
    environment = suite.make(TASK, 0, asked.practised_with)
    # The evaluation of the clone is 800 steps; 100 more end within the third episode.
    with pytest.raises(CableOut):
        learn_in(Dying(environment, 900), asked, store, tmp_path / "again", ignore)
    environment.close()
    again = learn(asked, store, tmp_path / "again", ignore)
    assert same(whole.latest(), again.latest())
    assert same(whole.best(), again.best())
    assert list(whole.told()) == list(again.told())
    assert whole.latest()["progress"]["steps"] == 240


@pytest.mark.parametrize(("observations", "reward"), WAYS)
def test_its_expert_acts_as_it_was_judged(store, tmp_path, observations, reward):
    asked = request(observations, reward)
    folder = learn(asked, store, tmp_path / "run", ignore)
    trained = TrainedExpert(folder.path)
    assert trained.request == asked
    environment = trained.environment()
    policy = trained.policy()
    timestep = environment.reset(5)
    actions = []
    while not timestep.last():
        actions.append(policy(timestep))
        timestep = environment.step(actions[-1])
    environment.close()
    assert np.ptp(actions, axis=0).max() > 0
    assert trained.steps == folder.best()["progress"]["steps"]


def test_a_run_without_demonstrations_goes_all_the_way(store, tmp_path):
    folder = learn(request(demonstrations=0), store, tmp_path / "run", ignore)
    data = RelabelledData(relabel(folder.path, 100, store))
    assert len(data) == 100
    assert data.goal_image is None
    page = write_report(folder, videos=False).read_text(encoding="utf-8")
    assert "0 demonstrations" in page
    assert "demos collect" not in page


def test_numbers_that_are_none_end_it_by_name_and_leave_it_resumable(store, tmp_path, monkeypatch):
    asked = request()
    whole = learn(asked, store, tmp_path / "whole", ignore)
    update = "polytask_learning.agents.expert.Expert.update"
    with monkeypatch.context() as broken:
        broken.setattr(update, lambda *_: {"critic_loss": float("nan")})
        with pytest.raises(NotFinite, match=r"critic_loss is nan after \d+ steps; valid: a finite"):
            learn(asked, store, tmp_path / "again", ignore)
    # The newest checkpoint is from before: that of the clone.
    again = learn(asked, store, tmp_path / "again", ignore)
    assert same(whole.latest(), again.latest())


def test_a_full_disk_ends_it_in_one_sentence_and_leaves_it_resumable(store, tmp_path):
    words = ["polytask", "learn", "--suite", "point", "--task", TASK, "--steps", "600"]
    words += ["--evaluate-every", "200", "--demonstrations", str(store.root), "--output"]

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    folder = tmp_path / "run"
    full = subprocess.run(
        [*words, str(folder)], capture_output=True, text=True, check=False, preexec_fn=little_room
    )
    assert full.returncode == 1
    (sentence,) = full.stderr.splitlines()
    assert sentence.startswith("polytask: ")
    assert "too large" in sentence
    assert RunFolder(folder).latest() is None
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert RunFolder(folder).best()["progress"]["episodes"] >= 0


def test_a_pickle_in_place_of_a_checkpoint_is_refused(store, tmp_path):
    folder = learn(request(), store, tmp_path / "run", ignore)
    best = folder.path / "checkpoints" / "best.checkpoint"
    best.write_bytes(b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.")
    with pytest.raises(BrokenCheckpoint, match=r"best\.checkpoint is not a whole checkpoint"):
        TrainedExpert(folder.path)


def test_pictures_are_learnt_from_only_where_they_were_shown(store, tmp_path):
    blind = EpisodeStore(tmp_path / "blind")
    (episode,) = store.episodes("point", TASK)
    seen = {name: values for name, values in episode.observations.items() if name != "image"}
    blind.add(dataclasses.replace(episode, observations=seen))
    with pytest.raises(PolyTaskError, match=r"image of the episode .* is None; valid: \(84, 84\)"):
        learn(request("pixels"), blind, tmp_path / "run", ignore)
    assert not (tmp_path / "run").exists()


def test_names_that_there_are_not_are_refused_before_anything_is_made():
    for changes, valid in (
        ({"observations": "sound"}, "state, pixels"),
        ({"reward": "praise"}, "env, ot"),
        ({"preset": "slow"}, "fast, paper"),
    ):
        with pytest.raises(PolyTaskError, match=valid):
            request(**changes)


@pytest.mark.parametrize("observations", ["state", "pixels"])
def test_an_expert_of_a_preset_that_has_changed_is_what_it_was(
    store, tmp_path, monkeypatch, observations
):
    folder = learn(request(observations), store, tmp_path / "run", ignore)
    seen = torch.rand(5, 2) if observations == "state" else torch.zeros(5, 9, 84, 84)
    before = TrainedExpert(folder.path).expert.act(seen, explore=False)
    changed = dataclasses.replace(TINY, hidden=(8, 8), features=4, frame_stack=2)
    monkeypatch.setitem(settings.PRESETS, "tiny", changed)
    after = TrainedExpert(folder.path).expert.act(seen, explore=False)
    assert torch.equal(before, after)
    evaluate_run(folder.path, range(1))
    relabel(folder.path, 50)
