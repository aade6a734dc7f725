"""What an expert plays by itself comes first in what is kept of it, and is half of a lesson."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from polytask_contract.cli import command
from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import EnvironmentLost
from polytask_contract.seeds import PLAYED
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.data.lessons import Lessons
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.relabelled_file import BrokenData, Label, read_label
from polytask_learning.data.reservoir import InvalidSample
from polytask_learning.data.thinning import thin
from polytask_learning.settings import (
    PRESETS,
    TEACHING_FOR_SUITES,
    ExpertSettings,
    TeachingSettings,
    teaching_in,
)
from polytask_learning.training.learn import learn, learn_in
from polytask_learning.training.playing import Playing, played
from polytask_learning.training.relabel import RELABELLED, relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert
from polytask_learning.training.watch import Phase, Unwatched

TASK = "north_east"
TINY = ExpertSettings(hidden=(16,), critic_hidden=(16,), batch=8, imitation_updates=50)
STEPS = 160


def ignore(metrics):
    """Take no notice."""


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """Return a run at its end, the pictures of which are kept."""
    place = tmp_path_factory.mktemp("learnt")
    store, suite = EpisodeStore(place / "store"), find_suite("point")
    with closing(suite.make(TASK, 0, Observations())) as environment:
        store.add(attempt(environment, suite.demonstrator(TASK), 0))
    asked = {"preset": "tiny", "steps": STEPS, "evaluate_every": STEPS, "pictures": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        return learn(Request("point", TASK, **asked), store, place / "run", ignore).path


@pytest.fixture
def run(learnt, tmp_path, monkeypatch):
    """Return a copy of it, for one test alone."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    return Path(shutil.copytree(learnt, tmp_path / "run"))


def files(run):
    return sorted((run / "episodes" / "played").glob("*/*.safetensors"))


def all_of(data):
    return data.at(torch.arange(len(data)))


def test_what_is_played_comes_first_with_what_was_done(run):
    path = relabel(run, playing=Playing(3))
    label, episodes = read_label(path), [read_episode(one) for one in files(run)]
    states = np.concatenate([one.observations["state"][:-1] for one in episodes])
    taken = np.concatenate([one.actions for one in episodes])
    assert (label.played, label.played_steps) == (3, len(states))
    found, actions = all_of(RelabelledData(path))
    assert np.array_equal(found[: len(states)], states)
    # The expert acts without noise, so that it has done what it would do.
    np.testing.assert_allclose(actions[: len(states)], taken, atol=1e-5)
    practised, _ = all_of(RelabelledData(relabel(run)))
    assert torch.equal(found[len(states) :], practised)
    assert len(practised) == STEPS


def test_what_is_played_shows_pictures_where_practice_does(run):
    path = relabel(run, playing=Playing(1))
    (episode,) = [read_episode(one) for one in files(run)]
    pictures, _ = RelabelledData(path, "pixels").at(torch.arange(4))
    newest = torch.tensor(episode.observations["image"][:4]).permute(0, 3, 1, 2)
    assert torch.equal(pictures[:, -3:], newest)


def test_its_seeds_neither_train_nor_choose_nor_test_an_expert(run):
    relabel(run, playing=Playing(3))
    seeds = [read_episode(one).seed for one in files(run)]
    assert len(set(seeds)) == 3
    assert all(seed in PLAYED for seed in seeds)


def test_a_suite_says_what_its_runs_keep_unless_that_is_asked_for(run, monkeypatch):
    monkeypatch.setitem(TEACHING_FOR_SUITES, "point", TeachingSettings(keep=12, played=2))
    label = read_label(relabel(run, playing=Playing()))
    assert (label.keep, label.played, label.count, label.played_steps) == (12, 2, 12, 6)
    label = read_label(relabel(run, 11, playing=Playing(1)))
    assert (label.keep, label.played, label.count) == (11, 1, 11)
    # Who says nothing of playing is no suite's.
    assert read_label(relabel(run)).played == 0


def test_of_the_cheetahs_episodes_more_is_kept():
    assert teaching_in("dmc") == TeachingSettings(keep=120_000, played=60)
    assert teaching_in("metaworld") == TeachingSettings(keep=30_000, played=20)


@pytest.mark.parametrize(("keep", "first"), [(1, 0), (10, 5), (31, 15)])
def test_half_of_what_is_kept_is_played_at_most(run, keep, first):
    label = read_label(relabel(run, keep, playing=Playing(3)))
    assert (label.count, label.played_steps) == (keep, first)


def test_a_thinner_copy_keeps_half_too(run, tmp_path):
    path = relabel(run, playing=Playing(3))
    thin(path, tmp_path / "thin", 20, seed=0)
    whole, kept = RelabelledData(path), RelabelledData(tmp_path / "thin")
    assert (kept.label.count, kept.label.played_steps) == (20, 10)
    known, count = all_of(whole)[0], whole.label.played_steps
    places = [int((known == one).all(dim=1).nonzero()[0]) for one in all_of(kept)[0]]
    assert all((place < count) == (number < 10) for number, place in enumerate(places))
    thin(path, tmp_path / "same", 10_000, seed=0)
    assert (tmp_path / "same").read_bytes() == path.read_bytes()


def test_where_little_was_practised_a_copy_has_all_of_it(run, tmp_path):
    path = relabel(run, playing=Playing(30))
    label = read_label(path)
    assert label.played_steps > 2 * STEPS
    thin(path, tmp_path / "thin", label.count - 1, seed=0)
    kept = read_label(tmp_path / "thin")
    assert kept.count - kept.played_steps == STEPS
    assert kept.played_steps == min(label.played_steps, (label.count - 1) // 2)


class Counted:
    """An environment that counts its episodes, and is lost in those of some numbers."""

    def __init__(self, lost=()):
        self._inner = find_suite("point").make(TASK, 0, Observations(image=(84, 84)))
        self.episodes, self._lost, self._steps = 0, set(lost), 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def reset(self, seed):
        self.episodes, self._steps = self.episodes + 1, 0
        return self._inner.reset(seed)

    def step(self, action):
        self._steps += 1
        if self.episodes in self._lost and self._steps == 3:
            raise EnvironmentLost("the cable is out")
        return self._inner.step(action)


class Robot(Counted):
    """An environment that says it is none of the suite's simulation."""

    @property
    def specification(self):
        return replace(self._inner.specification, simulated=False)


class Noting(Unwatched):
    """Notes what it is told, and is patient."""

    def __init__(self):
        self.told = []

    def at(self, phase, done, total):
        self.told.append((phase, done, total))

    def lost(self, error):
        self.told.append(str(error))

    def well(self):
        self.told.append("well")


def test_only_what_is_missing_is_played(run):
    with closing(Counted()) as environment:
        first = relabel(run, playing=Playing(2, environment)).read_bytes()
        assert environment.episodes == 2
        relabel(run, playing=Playing(2, environment))
        assert environment.episodes == 2
        relabel(run, playing=Playing(3, environment))
        assert environment.episodes == 3
        assert relabel(run, playing=Playing(2, environment)).read_bytes() == first
        assert environment.episodes == 3
    # In the suite's own environment it is the same.
    for path in files(run):
        path.unlink()
    (run / RELABELLED).unlink()
    assert relabel(run, playing=Playing(2)).read_bytes() == first


def test_an_episode_in_which_the_environment_was_lost_begins_anew(run):
    whole = relabel(run, playing=Playing(2)).read_bytes()
    for path in files(run):
        path.unlink()
    (run / RELABELLED).unlink()
    watch = Noting()
    with closing(Counted(lost=[2])) as environment:
        assert relabel(run, playing=Playing(2, environment, watch)).read_bytes() == whole
    begun = [(Phase.RELABELLING, number, 2) for number in range(2)]
    assert watch.told == [begun[0], "well", begun[1], "the cable is out", "well"]


def test_what_was_played_before_it_was_broken_off_is_kept(run):
    with closing(Counted(lost=[2])) as environment:
        with pytest.raises(EnvironmentLost):
            relabel(run, playing=Playing(3, environment))
        assert len(files(run)) == 1
        assert not (run / RELABELLED).exists()
        relabel(run, playing=Playing(3, environment))
        # One was whole, one was lost, and two were missing.
        assert environment.episodes == 4


def test_a_better_expert_plays_anew(run):
    relabel(run, playing=Playing(1))
    folder = RunFolder(run)
    state = folder.best()
    state["progress"]["steps"] += 1
    folder.keep_best(state)
    with closing(Counted()) as environment:
        relabel(run, playing=Playing(1, environment))
        assert environment.episodes == 1
    assert len(files(run)) == 2


def test_it_is_not_played_in_an_environment_of_another_form(run):
    trained = TrainedExpert(run)
    trained.form = trained.form._replace(action_size=3)
    with (
        closing(Counted()) as environment,
        pytest.raises(InvalidEpisode, match="action_size of the suite point is 2; valid: 3"),
    ):
        played(trained, "e" * 64, Playing(1, environment))
    assert environment.episodes == 0
    assert files(run) == []


def test_an_expert_of_a_robot_does_not_play_in_the_simulation(run, tmp_path, capsys):
    request = TrainedExpert(run).request
    store = EpisodeStore(run.parent / "store")
    suite = find_suite("point")
    with closing(Robot()) as robot:
        store.add(attempt(robot, suite.demonstrator(TASK), 0))
        place = learn_in(robot, request, store, tmp_path / "robots", ignore).path
        relabel(place, playing=Playing(2, robot))
        kept = (place / RELABELLED).read_bytes()
    assert command.main(["relabel", str(place), "--played", "5"]) == 1
    assert (
        "robots was learnt on a robot, which has still to play 3 of 5 episodes; valid: the 2 that "
        "it has played, or a goal for its learner's node" in capsys.readouterr().err
    )
    assert len(files(place)) == 2
    assert (place / RELABELLED).read_bytes() == kept
    # What has been played where it was learnt is taken.
    (place / RELABELLED).unlink()
    assert command.main(["relabel", str(place), "--played", "2"]) == 0
    assert (place / RELABELLED).read_bytes() == kept


def test_fewer_episodes_than_none_are_refused(run):
    with pytest.raises(InvalidSample, match="-1 episodes are to be played; valid: 0 or more"):
        relabel(run, playing=Playing(-1))


def test_a_file_from_before_there_was_play_has_none(run):
    label = read_label(relabel(run))
    before = json.loads(label.to_json())
    del before["played"], before["played_steps"]
    assert Label.from_json(json.dumps(before)) == label
    assert Label.from_json(json.dumps(before)).played_steps == 0


@pytest.mark.parametrize("count", [-1, STEPS])
def test_a_label_that_has_more_play_than_steps_is_refused(run, monkeypatch, count):
    path = relabel(run)
    label = replace(read_label(path), played_steps=count)
    monkeypatch.setattr("polytask_learning.data.relabelled_data.read_label", lambda _: label)
    message = f"{count} of {STEPS} steps are of played episodes; valid: 0 to {STEPS - 1}"
    with pytest.raises(BrokenData, match=message):
        RelabelledData(path)


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.3, 500, 700), (1, 2000, 2000)])
def test_a_share_of_a_lesson_is_of_played_steps_however_few(run, share, low, high):
    data = RelabelledData(relabel(run, playing=Playing(1)))
    count = data.label.played_steps
    assert count < len(data) / 3
    known, random = all_of(data)[0], np.random.default_rng(0)
    lessons, alone, seen = Lessons([data], share), 0, set()
    for _ in range(20):
        drawn = lessons.draw(100, 1, random).observations
        places = (known[None] == drawn[:, None]).all(dim=2).float().argmax(dim=1)
        alone += int((places < count).sum())
        seen |= set(places.tolist())
    # A standard deviation is 20 of 600.
    assert low <= alone <= high
    everything = {0: len(data) - count, 1: count}.get(share, len(data))
    assert len(seen) > 0.95 * everything


def test_the_verb_plays_and_says_so(run, capsys):
    assert command.main(["relabel", str(run), "--played", "2"]) == 0
    label = read_label(run / RELABELLED)
    said = f"{label.count} steps, {label.played_steps} of 2 played episodes, without a picture"
    assert said in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["relabel", str(run), "--played", "-1"])
    assert "-1 is not valid; valid: 0 or more" in capsys.readouterr().err
