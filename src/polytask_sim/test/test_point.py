"""The known-answer world keeps the contract, and its answer is known."""

import numpy as np
import pytest

from polytask_contract.conformance import EnvironmentContract
from polytask_contract.errors import UnknownName
from polytask_contract.specification import Observations
from polytask_sim.suites.point import PLACES, PointEnvironment, PointSuite

SUITE = PointSuite()


class TestPointEnvironment(EnvironmentContract):
    def make(self, seed: int) -> PointEnvironment:
        return SUITE.make("north_east", seed, Observations())


class TestPointEnvironmentWithoutImage(EnvironmentContract):
    def make(self, seed: int) -> PointEnvironment:
        return SUITE.make("south_west", seed, Observations(image=None))


def run(task, policy, seed):
    environment = SUITE.make(task, 0, Observations())
    timestep = environment.reset(seed)
    rewards = []
    while not timestep.last():
        timestep = environment.step(policy(timestep))
        rewards.append(timestep.reward)
    return timestep, rewards


@pytest.mark.parametrize("task", PLACES)
def test_the_formula_reaches_its_place_and_stays(task):
    for seed in range(20):
        timestep, rewards = run(task, SUITE.demonstrator(task), seed)
        assert timestep.observation["success"]
        assert rewards[-10:] == [1.0] * 10


def test_the_formula_of_another_place_never_succeeds():
    for seed in range(5):
        timestep, rewards = run("north_east", SUITE.demonstrator("south_west"), seed)
        assert not timestep.observation["success"]
        assert max(rewards) < 1.0


def test_the_picture_shows_the_point_where_the_state_says():
    environment = SUITE.make("north_west", 0, Observations(image=(60, 120)))
    observation = environment.reset(3).observation
    white = (observation["image"] == 250).all(axis=2)
    rows, columns = np.nonzero(white)
    x, y = observation["state"]
    assert columns.mean() / 120 * 2 - 1 == pytest.approx(x, abs=0.03)
    assert 1 - rows.mean() / 60 * 2 == pytest.approx(y, abs=0.05)


def test_the_picture_alone_does_not_tell_the_task():
    pictures = [
        SUITE.make(task, 0, Observations()).reset(1).observation["image"] for task in PLACES
    ]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)


def test_an_unknown_task_is_refused_with_the_valid_ones():
    for ask in (lambda: SUITE.make("moon", 0, Observations()), lambda: SUITE.demonstrator("moon")):
        with pytest.raises(UnknownName, match=r"'moon'.*north_west, north_east"):
            ask()
