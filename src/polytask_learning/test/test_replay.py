"""Laws of the replay: what a transition is, which there are, and that a kill changes nothing."""

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import BrokenEpisode
from polytask_contract.episodes.form import InvalidEpisode
from polytask_learning.data.episode_log import EpisodeLog, EpisodesMissing
from polytask_learning.data.replay import InvalidReplay, Replay

N_STEP, GAMMA, STACK = 3, 0.9, 3


def episode(number, steps, *, ended=False):
    """Return an episode in which every number tells where it is from."""
    marks = 100 * number + np.arange(steps + 1)
    discounts = np.ones(steps)
    discounts[-1] = 0.0 if ended else 1.0
    shape = (steps + 1, 2, 3, 3)
    return Episode(
        suite="marks",
        task="count",
        seed=number,
        source="policy",
        control_period=0.1,
        observations={
            "state": np.stack([marks, -marks], axis=1).astype(np.float32),
            "image": np.broadcast_to((marks % 251)[:, None, None, None], shape).astype(np.uint8),
            "success": np.zeros(steps + 1, bool),
        },
        actions=np.linspace(-1, 1, steps, dtype=np.float32)[:, None],
        rewards=marks[:-1] + 0.5,
        discounts=discounts,
    )


def make(capacity=500, frame_stack=0, n_step=N_STEP, device="cpu"):
    form = episode(0, 2).form
    ways = {"n_step": n_step, "frame_stack": frame_stack, "device": device}
    return Replay(form, capacity, discount=GAMMA, **ways)


def naive(kept, mark):
    """Return reward, discount and next mark of the transition that begins at `mark`, as defined."""
    (one,) = (each for each in kept if mark in each.observations["state"][:-1, 0])
    step = int(mark - one.observations["state"][0, 0])
    reward, discount, at = 0.0, 1.0, step
    for _ in range(N_STEP):
        if at == len(one):
            break
        reward += discount * one.rewards[at]
        discount *= GAMMA * one.discounts[at]
        at += 1
    return reward, discount, one.observations["state"][at, 0], one.actions[step, 0]


lengths = some.lists(some.tuples(some.integers(1, 12), some.booleans()), min_size=1, max_size=12)


@settings(max_examples=40)
@given(lengths, some.integers(0, 2**32))
def test_every_transition_is_what_its_definition_says(shapes, seed):
    replay = make(capacity=60)
    episodes = [episode(n, steps, ended=ended) for n, (steps, ended) in enumerate(shapes)]
    for one in episodes:
        replay.add(one)
    kept = episodes[len(episodes) - replay.episodes :]
    assert len(replay) == sum(map(len, kept))
    batch = replay.sample(64, np.random.default_rng(seed))
    for row in range(64):
        mark = batch.observation[row, 0].item()
        reward, discount, ahead, action = naive(kept, mark)
        assert batch.reward[row].item() == pytest.approx(reward, rel=1e-5)
        assert batch.discount[row].item() == pytest.approx(discount, rel=1e-5)
        assert batch.next_observation[row].tolist() == [ahead, -ahead]
        assert batch.action[row].item() == pytest.approx(action)


def test_every_transition_of_what_is_kept_comes_about_equally_often():
    replay = make(capacity=40)
    for number, steps in enumerate((9, 12, 3, 7, 8)):
        replay.add(episode(number, steps))
    drawn = replay.sample(30_000, np.random.default_rng(0)).observation[:, 0]
    marks, counts = drawn.unique(return_counts=True)
    expected = [
        100 * n + step for n, steps in ((1, 12), (2, 3), (3, 7), (4, 8)) for step in range(steps)
    ]
    assert marks.tolist() == expected
    assert counts.min() > 0.85 * 30_000 / len(expected)
    assert counts.max() < 1.15 * 30_000 / len(expected)


def test_pictures_are_stacked_within_their_episode_and_the_first_is_repeated():
    replay = make(capacity=30, frame_stack=STACK)
    for number in range(4):
        replay.add(episode(number, 8))
    batch = replay.sample(300, np.random.default_rng(1))
    assert batch.observation.shape == (300, 3 * STACK, 2, 3)
    assert batch.observation.dtype == torch.uint8
    for stack in batch.observation[:, ::3, 0, 0].tolist():
        starts = {number: (100 * number) % 251 for number in range(4)}
        (start,) = (first for first in starts.values() if first <= stack[-1] <= first + 8)
        assert stack == [max(stack[-1] - back, start) for back in (2, 1, 0)]


def test_a_sample_depends_on_episodes_and_generator_alone():
    full, refilled = make(capacity=50), make(capacity=50)
    episodes = [episode(number, 5 + number % 7) for number in range(20)]
    for one in episodes:
        full.add(one)
    for one in episodes[-full.episodes :]:
        refilled.add(one)
    for first, second in zip(
        full.sample(100, np.random.default_rng(3)),
        refilled.sample(100, np.random.default_rng(3)),
        strict=True,
    ):
        assert torch.equal(first, second)


def test_goals_are_kept_with_their_episodes():
    replay = make()
    replay.add(episode(0, 5), goal=4)
    replay.add(episode(1, 5), goal=7)
    batch = replay.sample(50, np.random.default_rng(0))
    assert torch.equal(batch.goal, torch.where(batch.observation[:, 0] < 100, 4, 7))


def test_a_replay_of_the_papers_size_fits_into_its_memory():
    # 150,000 transitions in episodes of 125 steps, one picture of 84 x 84 more in each.
    observations = 150_000 + 150_000 // 125
    small = make(capacity=100, frame_stack=STACK)
    picture, here = 3 * 84 * 84, 3 * 2 * 3
    beside = small.nbytes / 100 - here
    assert observations * (picture + beside) < 3.5e9


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: make(capacity=0), "capacity is 0; valid: at least 1"),
        (lambda: make(n_step=0), "n_step is 0; valid: at least 1"),
        (lambda: make().sample(1, np.random.default_rng(0)), "the replay is empty"),
        (
            lambda: make(capacity=5).add(episode(0, 5)),
            "6 observations does not fit; valid: up to 5",
        ),
    ],
)
def test_what_cannot_be_is_refused(ask, message):
    with pytest.raises(InvalidReplay, match=message):
        ask()


def without_pictures(whole):
    """Return an episode as it is where nobody looks."""
    seen = {name: whole.observations[name] for name in ("state", "success")}
    return dataclasses.replace(whole, observations=seen)


def test_an_episode_of_another_form_is_refused_and_nothing_is_lost():
    replay = make(frame_stack=STACK)
    replay.add(episode(0, 5))
    with pytest.raises(InvalidEpisode, match="image of an episode of marks count is None"):
        replay.add(without_pictures(episode(1, 5)))
    assert len(replay) == 5
    with pytest.raises(InvalidReplay, match="have no pictures to learn from"):
        Replay(without_pictures(episode(1, 5)).form, 9, n_step=1, discount=0.9, frame_stack=3)


def test_who_looks_at_states_does_not_mind_pictures():
    one, other = make(), make()
    one.add(episode(0, 5))
    one.add(without_pictures(episode(1, 5)))
    for number in (0, 1):
        other.add(episode(number, 5))
    batches = [each.sample(20, np.random.default_rng(0)) for each in (one, other)]
    for found, wanted in zip(*batches, strict=True):
        assert torch.equal(found, wanted)


def logged(folder, count, capacity=50):
    replay = make(capacity)
    log = EpisodeLog(folder, replay)
    log.restore(count)
    return replay, log


def test_a_restored_replay_goes_on_bit_for_bit(tmp_path):
    whole, log = logged(tmp_path, 0)
    for number in range(15):
        log.add(episode(number, 4 + number % 6))
        if number % 5 == 4:
            log.forget()
    # Three more than the checkpoint knows of.
    for number in range(90, 93):
        log.add(episode(number, 5))
    expected, _ = logged(tmp_path / "other", 0)
    for number in range(15):
        expected.add(episode(number, 4 + number % 6))
    restored, again = logged(tmp_path, 15)
    for first, second in zip(
        expected.sample(99, np.random.default_rng(0)),
        restored.sample(99, np.random.default_rng(0)),
        strict=True,
    ):
        assert torch.equal(first, second)
    again.add(episode(15, 5))
    assert sorted(path.stem for path in tmp_path.glob("*.safetensors"))[-1] == "000015"
    assert whole.episodes


def test_files_that_left_the_replay_go_when_they_may(tmp_path):
    replay, log = logged(tmp_path, 0)
    for number in range(20):
        log.add(episode(number, 9))
    assert len(list(tmp_path.glob("*.safetensors"))) == 20
    log.forget()
    assert len(list(tmp_path.glob("*.safetensors"))) == replay.episodes == 5


def test_a_missing_or_damaged_episode_is_named(tmp_path):
    _, log = logged(tmp_path, 0)
    for number in range(4):
        log.add(episode(number, 5))
    with pytest.raises(EpisodesMissing, match=r"\[0, 1, 2, 3\]; valid: all up to 5"):
        logged(tmp_path, 6)
    (tmp_path / "000002.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BrokenEpisode, match=r"000002\.safetensors is not a whole episode"):
        logged(tmp_path, 4)


ENDLESS = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_replay import episode, logged
_, log = logged(Path(sys.argv[1]), 0, capacity=400)
number = 0
while True:
    log.add(episode(number % 9, 20))
    number += 1
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_told(tmp_path):
    here = os.path.dirname(__file__)
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, tmp_path, here], stdout=subprocess.PIPE, text=True
    ) as running:
        told = [int(running.stdout.readline()) for _ in range(12)][-1]
        running.send_signal(signal.SIGKILL)
        rest = running.stdout.read().splitlines()
    told = max([told, *(int(line) for line in rest if line)])
    replay, _ = logged(tmp_path, told, capacity=400)
    assert replay.episodes == min(told, 19)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_sample_does_not_depend_on_the_device():
    samples = []
    for device in ("cpu", "cuda"):
        replay = make(frame_stack=3, device=device)
        replay.add(episode(0, 20))
        samples.append(replay.sample(32, np.random.default_rng(5)))
    for one, other in zip(*samples, strict=True):
        assert torch.equal(one, other.cpu())
