"""The ten cheetahs keep the contract, and differ in their torso alone."""

import numpy as np
import pytest

from polytask_contract.conformance import EnvironmentContract
from polytask_contract.errors import NoDemonstrator, UnknownName
from polytask_contract.specification import Observations
from polytask_sim.suites.dmc import TORSOS, DmcSuite

STATE = Observations(image=None)


class TestCheetah(EnvironmentContract):
    """From state alone, as the paper has it."""

    def make(self, seed):
        return DmcSuite().make("torso-1", seed, STATE)


def test_only_the_torsos_capsule_differs():
    models = {task: DmcSuite().make(task, 0, STATE)._physics.model for task in TORSOS}
    upstream = models["torso-1"]
    for task, model in models.items():
        # MuJoCo keeps half the length of a capsule.
        lengths = [
            model.geom_size[i, 1] for i in range(model.ngeom) if model.name2id("torso", "geom") == i
        ]
        assert lengths == [pytest.approx(TORSOS[task])]
        torso = model.name2id("torso", "geom")
        others = np.delete(np.arange(model.ngeom), torso)
        assert np.array_equal(model.geom_size[others], upstream.geom_size[others])
        assert np.array_equal(model.body_pos, upstream.body_pos)
    assert list(TORSOS.values()) == pytest.approx(
        [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4]
    )


def test_rewards_of_an_episode_are_at_most_1000():
    environment = DmcSuite().make("torso-1", 0, STATE)
    environment.reset(0)
    rewards, random = [], np.random.default_rng(0)
    while True:
        timestep = environment.step(random.uniform(-1, 1, 6))
        rewards.append(timestep.reward)
        if timestep.last():
            break
    assert len(rewards) == 500
    assert max(rewards) <= 2.0
    assert 0 < sum(rewards) < 100


def test_nobody_demonstrates_running_but_names_are_still_checked():
    with pytest.raises(NoDemonstrator, match="trained expert"):
        DmcSuite().demonstrator("torso-1")
    for ask in (DmcSuite().demonstrator, lambda task: DmcSuite().make(task, 0, STATE)):
        with pytest.raises(UnknownName, match=r"'torso-11'; valid: torso-1, "):
            ask("torso-11")
