"""A learner cannot tell an environment over ROS from one in its own process."""

import pytest

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import EnvironmentLost
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning import settings
from polytask_learning.training.checkpoint import same
from polytask_learning.training.learn import learn_in
from polytask_learning.training.request import Request
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment

TASK = "north_east"
NAMESPACE = "/pupil"
TINY = settings.ExpertSettings(
    hidden=(16,),
    critic_hidden=(16,),
    batch=8,
    average_rate=0.1,
    first_steps=80,
    critic_first=5,
    imitation_updates=3,
)


@pytest.fixture
def asked(monkeypatch):
    """Return what to learn, in no time."""
    monkeypatch.setitem(settings.PRESETS, "tiny", TINY)
    return Request("point", TASK, steps=240, evaluate_every=120, preset="tiny")


@pytest.fixture
def local():
    made = find_suite("point").make(TASK, 0, Observations())
    yield made
    made.close()


@pytest.fixture
def store(local, tmp_path):
    store = EpisodeStore(tmp_path / "demonstrations")
    store.add(attempt(local, find_suite("point").demonstrator(TASK), 0))
    return store


def served():
    return NodeProcess(executable("polytask_sim", "sim_environment"), namespace=NAMESPACE)


def ignore(metrics):
    """Take no notice."""


def test_learning_over_ros_is_learning_in_process_bit_for_bit(asked, local, store, tmp_path):
    here = learn_in(local, asked, store, tmp_path / "here", ignore)
    with served():
        environment = RosEnvironment(TASK, namespace=NAMESPACE, timeout=30.0)
        there = learn_in(environment, asked, store, tmp_path / "there", ignore)
        environment.close()
    assert same(here.latest(), there.latest())
    assert same(here.best(), there.best())


def test_a_run_goes_on_bit_for_bit_after_its_environment_was_killed(asked, local, store, tmp_path):
    whole = learn_in(local, asked, store, tmp_path / "whole", ignore)
    place = tmp_path / "again"
    with served() as process:
        environment = RosEnvironment(TASK, namespace=NAMESPACE, timeout=5.0)

        def kill_in_the_middle(metrics):
            if metrics["steps"] == 160:
                process.kill()

        with pytest.raises(EnvironmentLost):
            learn_in(environment, asked, store, place, kill_in_the_middle)
        environment.close()
    with served():
        environment = RosEnvironment(TASK, namespace=NAMESPACE, timeout=30.0)
        again = learn_in(environment, asked, store, place, ignore)
        environment.close()
    assert same(whole.latest(), again.latest())
