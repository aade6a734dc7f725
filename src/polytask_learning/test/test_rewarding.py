"""Rewards to learn from: the environment's, or those for matching demonstrations."""

import dataclasses

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.recording import Recording
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.networks.encoder import StateEncoder
from polytask_learning.training.checkpoint import same
from polytask_learning.training.rewarding import LATEST, EnvironmentRewards, MatchingRewards

TASK = "north_east"


@pytest.fixture(scope="module")
def environment():
    made = find_suite("point").make(TASK, 0, Observations(image=None))
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(environment):
    return attempt(environment, find_suite("point").demonstrator(TASK), 0)


def played(environment, policy, seed=3):
    timestep = environment.reset(seed)
    recording = Recording(timestep)
    while not timestep.last():
        action = np.asarray(policy(timestep), np.float32)
        timestep = environment.step(action)
        recording.add(action, timestep)
    return recording.episode(environment.specification, TASK, seed, "policy")


def wandering(seed):
    random = np.random.default_rng(seed)
    return lambda _: random.uniform(-1, 1, 2)


def matching(shown):
    return MatchingRewards([shown], StateEncoder(torch.zeros(2), torch.ones(2)), 0)


def test_the_best_demonstrated_step_is_worth_one(environment, shown):
    rewarding = EnvironmentRewards([shown])
    assert rewarding.demonstrated(shown).rewards.max() == pytest.approx(1.0)
    episode = played(environment, wandering(1))
    scale = 1 / shown.rewards.max()
    assert np.allclose(rewarding.practised(episode).rewards, scale * episode.rewards)


def test_demonstrations_without_rewards_leave_the_scale(environment, shown):
    silent = dataclasses.replace(shown, rewards=np.zeros(len(shown)))
    episode = played(environment, wandering(1))
    assert np.array_equal(EnvironmentRewards([silent]).practised(episode).rewards, episode.rewards)


def test_what_succeeds_is_worth_imitating_by_the_environment(environment, shown):
    rewarding = EnvironmentRewards([shown])
    good = played(environment, find_suite("point").demonstrator(TASK))
    bad = played(environment, lambda _: (-1, -1))
    verdicts = [rewarding.is_worth_imitating(rewarding.practised(one)) for one in (good, bad)]
    assert verdicts == [True, False]


def test_matching_does_not_look_at_the_environments_rewards(environment, shown):
    episode = played(environment, wandering(1))
    paid = dataclasses.replace(episode, rewards=np.full(len(episode), 7.0))
    earned = [matching(shown).practised(one).rewards for one in (episode, paid)]
    assert np.array_equal(*earned)
    assert np.array_equal(matching(shown).demonstrated(shown).rewards, np.zeros(len(shown)))


def test_the_first_episode_earns_minus_ten_and_nearer_ones_more(environment, shown):
    rewarding = matching(shown)
    totals = [
        # The first observation has a share of the distance, too, which no action earned.
        rewarding.practised(played(environment, policy)).rewards.sum()
        for policy in (lambda _: (-1, -1), wandering(1), find_suite("point").demonstrator(TASK))
    ]
    assert -10 <= totals[0] < -9
    assert totals == sorted(totals)


def test_what_matches_better_than_most_is_worth_imitating(environment, shown):
    rewarding = matching(shown)
    episode = rewarding.practised(played(environment, wandering(1)))

    def earning(total):
        return dataclasses.replace(episode, rewards=np.full(len(episode), total / len(episode)))

    early = [rewarding.is_worth_imitating(earning(-number)) for number in range(LATEST)]
    assert not any(early)
    assert rewarding.is_worth_imitating(earning(-5.5))
    assert not rewarding.is_worth_imitating(earning(-6.5))


def test_a_saved_state_goes_on_as_if_nothing_had_happened(environment, shown):
    whole, resumed = matching(shown), matching(shown)
    for seed in range(3):
        whole.is_worth_imitating(whole.practised(played(environment, wandering(seed))))
    resumed.load_state_dict(whole.state_dict())
    episode = played(environment, wandering(9))
    earned = [rewarding.practised(episode).rewards for rewarding in (whole, resumed)]
    assert np.array_equal(*earned)
    assert same(whole.state_dict(), resumed.state_dict())
