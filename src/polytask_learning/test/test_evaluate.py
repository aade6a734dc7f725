"""An evaluation counts what each rule counts, on the seeds it was given, and acts without noise."""

import dm_env
import numpy as np
import pytest
import torch

from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.training.acting import ActingPolicy
from polytask_learning.training.evaluate import evaluate


@pytest.fixture
def environment():
    made = find_suite("point").make("north_east", 0, Observations())
    yield made
    made.close()


def test_a_perfect_policy_succeeds_by_every_rule(environment):
    result = evaluate(environment, find_suite("point").demonstrator("north_east"), range(5))
    assert result.seeds == (0, 1, 2, 3, 4)
    assert (result.successes("any"), result.successes("held")) == (5, 5)
    assert result.rate("held") == 1.0
    assert result.interval("held")[1] == 1.0
    assert len(set(result.returns)) == 5


def test_a_policy_that_passes_through_succeeds_by_one_rule_only(environment):
    def through(timestep):
        position = timestep.observation["state"]
        return np.array([1.0, 1.0]) if position.max() < 0.95 else np.zeros(2)

    result = evaluate(environment, through, range(4))
    assert result.successes("held") == 0
    assert result.successes("any") > 0


def test_no_seeds_are_refused(environment):
    with pytest.raises(ValueError, match="no seeds"):
        evaluate(environment, lambda _: np.zeros(2), ())


class Echo:
    """Remembers what it sees."""

    def __init__(self):
        self.seen = []

    def act(self, observations, *, explore):
        self.seen.append((observations.clone(), explore))
        return torch.zeros(1, 2)


def pictures(*shades):
    observations = [{"image": np.full((2, 2, 3), shade, np.uint8)} for shade in shades]
    first = dm_env.restart(observations[0])
    return [first, *(dm_env.transition(0.0, observation) for observation in observations[1:])]


def test_pictures_are_stacked_and_the_first_repeated_in_each_episode():
    echo = Echo()
    policy = ActingPolicy(echo, frame_stack=3, explore=True)
    for timestep in (*pictures(1, 2), *pictures(7, 8, 9, 10)):
        action = policy(timestep)
    stacks = [seen[0, ::3, 0, 0].tolist() for seen, _ in echo.seen]
    assert stacks == [[1, 1, 1], [1, 1, 2], [7, 7, 7], [7, 7, 8], [7, 8, 9], [8, 9, 10]]
    assert all(explore for _, explore in echo.seen)
    assert (action.dtype, action.shape) == (np.float32, (2,))
