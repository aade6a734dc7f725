"""The kitchen keeps the contract, scores as the paper does, and takes several tasks as one."""

import numpy as np
import pytest
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import (
    OBS_ELEMENT_GOALS,
    OBS_ELEMENT_INDICES,
)

from polytask_contract.conformance import EnvironmentContract
from polytask_contract.errors import UnknownName
from polytask_contract.specification import Observations
from polytask_sim.suites.kitchen import THINGS, KitchenSuite

STATE = Observations(image=None)


class TestMicrowave(EnvironmentContract):
    """One thing, from state."""

    steps = 6

    def make(self, seed):
        return KitchenSuite().make("microwave", seed, STATE)


def put_in_place(environment, *names):
    """Move things to their goals by hand, as no policy could in one step."""
    simulation = environment._simulation
    for name in names:
        simulation.data.qpos[OBS_ELEMENT_INDICES[name]] = OBS_ELEMENT_GOALS[name]


def step(environment):
    return environment.step(np.zeros(environment.specification.action_size))


def test_what_was_asked_for_scores_once_and_succeeds():
    environment = KitchenSuite().make("microwave", 0, STATE)
    assert not environment.reset(0).observation["success"]
    assert step(environment).reward == 0.0
    put_in_place(environment, "microwave")
    timestep = step(environment)
    assert timestep.reward == 1.0
    assert timestep.observation["success"]
    assert step(environment).reward == 0.0
    environment.close()


def test_anything_else_costs_two():
    environment = KitchenSuite().make("microwave", 0, STATE)
    environment.reset(0)
    put_in_place(environment, "slide cabinet", "hinge cabinet")
    timestep = step(environment)
    assert timestep.reward == -4.0
    assert not timestep.observation["success"]
    environment.close()


def test_several_things_are_one_task():
    environment = KitchenSuite().make("microwave+slide-cabinet", 0, STATE)
    environment.reset(0)
    put_in_place(environment, "microwave")
    timestep = step(environment)
    assert timestep.reward == 1.0
    assert not timestep.observation["success"]
    put_in_place(environment, "microwave", "slide cabinet")
    timestep = step(environment)
    assert timestep.reward == 1.0
    assert timestep.observation["success"]
    environment.close()


@pytest.mark.parametrize(
    "task", ["oven", "microwave+oven", "microwave+microwave", "microwave+", "+", ""]
)
def test_what_is_no_task_is_refused_with_the_valid_ones(task):
    with pytest.raises(UnknownName, match="valid: bottom-burner, top-burner"):
        KitchenSuite().make(task, 0, STATE)


def test_an_episode_is_as_long_as_the_papers_and_its_noise_follows_the_seed():
    environment = KitchenSuite().make("kettle", 0, STATE)
    assert environment.specification.episode_length == 280
    first, other = (
        environment.reset(1).observation["state"],
        environment.reset(2).observation["state"],
    )
    assert not np.array_equal(first, other)
    assert np.allclose(first, other, atol=0.2)
    environment.close()


def test_there_are_six_things():
    assert len(THINGS) == 6
