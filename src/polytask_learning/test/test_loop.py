"""The loop learns where the answer is known, and goes on bit for bit where it was stopped."""

import dataclasses

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import HOLD, attempt
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.recording import Recording
from polytask_contract.seeds import PRACTICE_FROM, VALIDATION
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.agents.expert import Expert
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import StateEncoder
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.settings import ExpertSettings
from polytask_learning.training.checkpoint import read_checkpoint, same, write_checkpoint
from polytask_learning.training.evaluate import Evaluation, evaluate
from polytask_learning.training.loop import Loop, LoopSettings, Memories, NotFinite
from polytask_learning.training.rewarding import EnvironmentRewards, MatchingRewards

TASK = "north_east"
# Small and impatient, for a world of two numbers.
EXPERT = ExpertSettings(
    hidden=(32, 32),
    critic_hidden=(32, 32),
    batch=64,
    learning_rate=2e-3,
    n_step=1,
    discount=0.9,
    first_steps=80,
    critic_first=100,
    imitation=0.002,
    imitation_updates=100,
)
LOOP = LoopSettings(steps=1200, evaluate_every=200, episodes=5, solved=2)


@pytest.fixture
def environment():
    made = find_suite("point").make(TASK, 0, Observations(image=None))
    yield made
    made.close()


def misled(timestep):
    """Demonstrate a way that stops short of the place."""
    way = np.array([0.38, 0.38]) - timestep.observation["state"]
    return np.clip(way / 0.1, -1, 1)


class Multiplied(EnvironmentRewards):
    """The environment's rewards, times a factor."""

    def __init__(self, factor, episodes):
        super().__init__(episodes)
        self._scale = factor


def make(environment, settings=EXPERT, factor=1.0, demonstrations=()):
    """Return a loop that has been shown the task, and its memories."""
    encoder = StateEncoder(torch.zeros(2), torch.ones(2))
    expert = Expert(encoder, 2, 2, settings, 0)
    form = Form.of(environment.specification)
    memories = Memories(
        *(Replay(form, 5000, n_step=settings.n_step, discount=settings.discount) for _ in range(3))
    )
    shown = demonstrations or [attempt(environment, find_suite("point").demonstrator(TASK), 0)]
    for one in shown:
        memories.shown.add(one)
    rewarding = Multiplied(factor, shown)
    return Loop((environment, environment), expert, (settings, LOOP), memories, rewarding, 0)


class Kept:
    """A memory that also hands out what was added to it."""

    def __init__(self, memory):
        self.memory, self.episodes = memory, []

    def __len__(self):
        return len(self.memory)

    def add(self, episode):
        self.episodes.append(episode)
        self.memory.add(episode)

    def sample(self, count, random):
        return self.memory.sample(count, random)


def watched(loop):
    """Let the loop's memories of its own episodes remember them whole; return those memories."""
    practised, shown, imitable = loop._memories
    loop._memories = Memories(Kept(practised), shown, Kept(imitable))
    return loop._memories


def learn_on(loop):
    """Let `loop` learn to its end; return the rates of success on the way."""
    rates = []
    while not loop.progress.finished:
        before = loop.progress.steps
        loop.run_episode()
        if loop.is_due(before):
            rates.append(loop.judge()[0].rate("held"))
    return rates


def test_imitation_and_then_reinforcement_solve_the_task_and_learning_ends(environment):
    loop = make(environment)
    loop.imitate()
    rates = learn_on(loop)
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
    learn_on(loop)
    learnt = evaluate(environment, loop._policy, seeds)
    assert cloned.successes("held") == 0
    assert learnt.successes("held") == 5
    assert min(learnt.returns) > max(cloned.returns)


def test_it_goes_on_bit_for_bit_where_it_was_stopped(environment, tmp_path):
    whole = make(environment)
    memories = watched(whole)
    whole.imitate()
    for _ in range(8):
        whole.run_episode()
    before = [list(memory.episodes) for memory in (memories.practised, memories.imitable)]
    write_checkpoint(tmp_path / "state", whole.state())
    for _ in range(3):
        whole.run_episode()
    resumed = make(environment)
    kept = (resumed._memories.practised, resumed._memories.imitable)
    for memory, episodes in zip(kept, before, strict=True):
        for episode in episodes:
            memory.add(episode)
    resumed.restore(read_checkpoint(tmp_path / "state"))
    assert resumed.progress.episodes == 8
    assert resumed.progress.imitable == len(before[1]) > 0
    for _ in range(3):
        resumed.run_episode()
    assert same(whole.state(), resumed.state())


def test_the_rewards_to_learn_from_are_those_that_are_given(environment):
    loops = [make(environment), make(environment, factor=2.0)]
    for loop in loops:
        watched(loop)
        loop.run_episode()
    plain, doubled = (loop._memories.practised.episodes[0].rewards for loop in loops)
    assert np.array_equal(2 * plain, doubled)


def test_own_episodes_are_imitated_when_they_succeed_and_no_others(environment):
    loop = make(environment)
    memories = watched(loop)
    # Without imitation the first ones fail.
    for _ in range(25):
        loop.run_episode()
    successes = [episode for episode in memories.practised.episodes if episode.verdicts["held"]]
    assert 0 < len(successes) < 25
    assert [one.seed for one in memories.imitable.episodes] == [one.seed for one in successes]
    assert all(sum(one.successes) <= HOLD for one in memories.imitable.episodes)


def test_matching_a_demonstration_alone_teaches_the_task(environment):
    shown = attempt(environment, find_suite("point").demonstrator(TASK), 0)
    changes = {"imitation": 0.0, "own_successes": 0.0, "critic_first": 0, "discount": 0.97}
    loop = make(environment, dataclasses.replace(EXPERT, **changes))
    loop._settings = dataclasses.replace(LOOP, steps=2000)
    loop._memories = loop._memories._replace(shown=loop._memories.imitable)
    encoder = StateEncoder(torch.zeros(2), torch.ones(2))
    # Seen from the middle of the table, all places on the way lie in the same direction.
    settings = RewardSettings("sinkhorn_euclidean", epsilon=0.05)
    loop._rewarding = MatchingRewards([shown], encoder, 0, settings=settings)
    seeds = range(900, 905)
    before = evaluate(environment, loop._policy, seeds)
    learn_on(loop)
    after = evaluate(environment, loop._policy, seeds)
    assert (before.successes("held"), after.successes("held")) == (0, 5)


def test_what_was_never_shown_is_found_by_practice_alone(environment):
    loop = make(environment, dataclasses.replace(EXPERT, first_steps=200))
    loop._memories = loop._memories._replace(shown=loop._memories.imitable)
    loop.imitate()
    first = loop.judge()[0].rate("held")
    learn_on(loop)
    assert first == 0.0
    assert loop.progress.best == 1.0


def test_no_own_episode_is_imitated_where_none_is_to_be(environment):
    loop = make(environment, dataclasses.replace(EXPERT, own_successes=0.0))
    memories = watched(loop)
    loop.imitate()
    for _ in range(12):
        loop.run_episode()
    assert any(episode.verdicts["held"] for episode in memories.practised.episodes)
    assert memories.imitable.episodes == []


def test_evaluation_uses_no_seed_of_training_and_the_same_ones_each_time(environment):
    loop = make(environment)
    memories = watched(loop)
    loop.imitate()
    for _ in range(5):
        loop.run_episode()
    first, _ = loop.judge()
    second, _ = loop.judge()
    assert first.seeds == second.seeds
    assert set(first.seeds) <= set(VALIDATION)
    assert all(episode.seed >= PRACTICE_FROM for episode in memories.practised.episodes)
    assert first.returns == second.returns


def test_the_best_succeeds_most_often_and_then_earns_most(environment, monkeypatch):
    loop = make(environment)

    def judged(successes, earned):
        verdicts = tuple({"any": True, "held": number < successes} for number in range(4))
        found = Evaluation(tuple(range(4)), verdicts, (earned,) * 4)
        monkeypatch.setattr("polytask_learning.training.loop.evaluate", lambda *_: found)
        return loop.judge()[1]

    assert judged(0, -5.0)
    assert not judged(0, -6.0)
    assert judged(0, -4.0)
    assert judged(2, -9.0)
    assert not judged(1, 100.0)
    assert judged(2, -9.0)
    assert (loop.progress.best, loop.progress.best_return) == (0.5, -9.0)


def test_a_loss_that_is_no_number_ends_the_learning_by_name(environment):
    loop = make(environment, factor=1e30)

    with pytest.raises(NotFinite, match=r"is (inf|nan) after"):
        learn_on(loop)


def test_states_that_nobody_has_shown_are_measured_by_the_first_practice(environment):
    loop = make(environment, dataclasses.replace(EXPERT, measured=True))
    loop._memories = loop._memories._replace(shown=loop._memories.imitable)
    encoder = loop._expert.encoder
    loop.run_episode()
    assert encoder.scale.tolist() == [1.0, 1.0]
    loop.run_episode()
    states = loop._memories.practised.sample(500, np.random.default_rng(0)).observation
    torch.testing.assert_close(encoder.scale, states.std(dim=0), rtol=0.2, atol=0)
    torch.testing.assert_close(encoder.mean, states.mean(dim=0), rtol=0, atol=0.1)
    measured = encoder.scale.clone()
    loop.run_episode()
    assert torch.equal(encoder.scale, measured)


def test_states_that_were_shown_are_measured_by_the_demonstrations(environment):
    loop = make(environment, dataclasses.replace(EXPERT, measured=True))
    for _ in range(3):
        loop.run_episode()
    assert loop._expert.encoder.scale.tolist() == [1.0, 1.0]


def test_a_return_that_is_enough_solves_a_task(environment):
    loop = make(environment)
    loop._settings = dataclasses.replace(LOOP, enough=-1.0)
    loop.judge()
    assert not loop.progress.finished
    loop.judge()
    assert loop.progress.finished
    assert loop.progress.best < 1.0
