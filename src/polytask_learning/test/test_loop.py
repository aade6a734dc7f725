"""The loop learns where the answer is known, and goes on bit for bit where it was stopped."""

import dataclasses

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.recording import Recording
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.agents.expert import Expert
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import StateEncoder
from polytask_learning.settings import ExpertSettings
from polytask_learning.training.checkpoint import read_checkpoint, same, write_checkpoint
from polytask_learning.training.evaluate import evaluate
from polytask_learning.training.loop import Loop, LoopSettings, NotFinite

TASK = "north_east"
# Small and impatient, for a world of two numbers.
EXPERT = ExpertSettings(
    hidden=(32, 32),
    critic_hidden=(32, 32),
    batch=64,
    learning_rate=2e-3,
    n_step=1,
    discount=0.9,
    critic_first=100,
    imitation=0.002,
    imitation_updates=100,
)
LOOP = LoopSettings(steps=1200, first_steps=80, evaluate_every=200, episodes=5, solved=2)


@pytest.fixture
def environment():
    made = find_suite("point").make(TASK, 0, Observations(image=None))
    yield made
    made.close()


def misled(timestep):
    """Demonstrate a way that stops short of the place."""
    way = np.array([0.38, 0.38]) - timestep.observation["state"]
    return np.clip(way / 0.1, -1, 1)


def make(environment, settings=EXPERT, rewards=lambda episode: episode, demonstrations=()):
    encoder = StateEncoder(torch.zeros(2), torch.ones(2))
    expert = Expert(encoder, 2, 2, settings, 0)
    form = Form.of(environment.specification)
    shown, memory = (
        Replay(form, 5000, n_step=settings.n_step, discount=settings.discount) for _ in range(2)
    )
    for one in demonstrations or [attempt(environment, find_suite("point").demonstrator(TASK), 0)]:
        shown.add(one)
    return Loop(environment, expert, (settings, LOOP), memory, shown, rewards, 0)


def test_imitation_and_then_reinforcement_solve_the_task_and_learning_ends(environment):
    loop = make(environment)
    loop.imitate()
    rates = []
    while not loop.progress.finished:
        before = loop.progress.steps
        loop.run_episode()
        if loop.is_due(before):
            rates.append(loop.judge()[0].rate("held"))
    assert rates[-2:] == [1.0, 1.0]
    assert loop.progress.steps < LOOP.steps
    assert loop.progress.best == 1.0


def test_reinforcement_goes_beyond_misleading_demonstrations(environment):
    shown = []
    for seed in range(3):
        timestep = environment.reset(seed)
        recording = Recording(timestep)
        while not timestep.last():
            action = misled(timestep)
            timestep = environment.step(action)
            recording.add(action, timestep)
        shown.append(recording.episode(environment.specification, TASK, seed, "script"))
    settings = dataclasses.replace(EXPERT, imitation=0.0005)
    loop = make(environment, settings, demonstrations=shown)
    loop.imitate()
    seeds = range(900, 905)
    cloned = evaluate(environment, loop._policy, seeds)
    while not loop.progress.finished:
        before = loop.progress.steps
        loop.run_episode()
        if loop.is_due(before):
            loop.judge()
    learnt = evaluate(environment, loop._policy, seeds)
    assert cloned.successes("held") == 0
    assert learnt.successes("held") == 5
    assert min(learnt.returns) > max(cloned.returns)


def test_it_goes_on_bit_for_bit_where_it_was_stopped(environment, tmp_path):
    whole = make(environment)
    whole.imitate()
    episodes = [whole.run_episode()[0] for _ in range(4)]
    write_checkpoint(tmp_path / "state", whole.state())
    for _ in range(3):
        whole.run_episode()
    resumed = make(environment)
    for episode in episodes:
        resumed._memory.add(episode)
    resumed.restore(read_checkpoint(tmp_path / "state"))
    assert resumed.progress.episodes == 4
    for _ in range(3):
        resumed.run_episode()
    assert same(whole.state(), resumed.state())


def test_the_rewards_to_learn_from_are_those_that_are_given(environment):
    def doubled(episode):
        return dataclasses.replace(episode, rewards=2 * episode.rewards)

    plain = make(environment)
    other = make(environment, rewards=doubled)
    earned = [loop.run_episode()[0].rewards for loop in (plain, other)]
    assert np.array_equal(2 * earned[0], earned[1])


def test_evaluation_uses_no_seed_of_training_and_the_same_ones_each_time(environment):
    loop = make(environment)
    loop.imitate()
    episodes = [loop.run_episode()[0] for _ in range(5)]
    first, _ = loop.judge()
    second, _ = loop.judge()
    assert first.seeds == second.seeds
    assert not {episode.seed for episode in episodes} & set(first.seeds)
    assert first.returns == second.returns


def test_a_loss_that_is_no_number_ends_the_learning_by_name(environment):
    def absurd(episode):
        return dataclasses.replace(episode, rewards=1e30 * episode.rewards)

    loop = make(environment, rewards=absurd)

    def learn_on():
        for _ in range(10):
            loop.run_episode()

    with pytest.raises(NotFinite, match=r"critic_loss is (inf|nan) after \d+ steps"):
        learn_on()
