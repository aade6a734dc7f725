"""A small world and its episodes, for the tests of what is kept on disk."""

import numpy as np
import pytest

from polytask_contract import suites
from polytask_contract.episodes.episode import Episode
from polytask_contract.errors import NoDemonstrator, UnknownName
from polytask_contract.local_environment import LocalEnvironment, Outcome
from polytask_contract.specification import Observations, Specification

ENDS = {"left": -1.0, "right": 1.0}


class PlainCorridor(LocalEnvironment):
    """A place from -1 to 1; an action moves it by up to a tenth, and errs a little."""

    def __init__(self, task, seed, observations=None, length=60):
        wanted = observations or Observations(image=(6, 8))
        specification = Specification(
            suite="corridor",
            tasks=tuple(ENDS),
            action_size=1,
            state_size=1 if wanted.state else 0,
            image=wanted.image,
            control_period=0.1,
            episode_length=length,
            simulated=True,
        )
        super().__init__(specification, task, seed)
        self.place = 0.0

    def begin(self, random):
        self.random = random
        self.place = random.uniform(-0.5, 0.5)
        return self.observe()

    def advance(self, action):
        error = self.random.normal(0, 1e-3)
        self.place = float(np.clip(self.place + 0.1 * action[0] + error, -1, 1))
        return Outcome(self.observe(), reward=1.0 - abs(ENDS[self.task] - self.place))

    def draw(self, size):
        picture = np.zeros((*size, 3), np.uint8)
        picture[:, round((1 + self.place) / 2 * (size[1] - 1))] = 255
        return picture

    def observe(self):
        observation = {"success": np.array(abs(ENDS[self.task] - self.place) < 0.05)}
        if self.specification.state_size:
            observation["state"] = np.array([self.place], np.float32)
        if self.specification.image:
            observation["image"] = self.draw(self.specification.image)
        return observation


class Corridor(PlainCorridor):
    """The same, and it can be photographed and tells of both tasks."""

    field_of_view = None

    def photograph(self, size, *, full=True):  # noqa: ARG002  # the protocol's
        return self.draw(size)

    def accomplished(self):
        return frozenset(task for task, end in ENDS.items() if abs(end - self.place) < 0.05)


@pytest.fixture
def corridor():
    """Make environments: corridor(task, observations=..., length=...)."""

    def make(task="right", **options):
        return Corridor(task, 0, **options)

    return make


class CorridorSuite:
    """Both ends of the corridor; there is a script for the right one, which needs the state."""

    name = "corridor"
    tasks = tuple(ENDS)

    def make(self, task, seed, observations):
        return Corridor(task, seed, observations)

    def demonstrator(self, task):
        if task not in ENDS:
            raise UnknownName("task", task, ENDS)
        if task == "left":
            raise NoDemonstrator("corridor has no scripted policy for 'left'")
        return lambda timestep: np.clip((1 - timestep.observation["state"]) * 10, -1, 1)


class Entry:
    """Stands for an entry point of an installed package."""

    def __init__(self, name, load):
        self.name = name
        self.load = load


@pytest.fixture
def installed(monkeypatch):
    """Give a function that puts an entry point of `name` in the place of a module's own."""

    def install(module, name, load):
        def found(*, group, name=None):
            assert group == module.GROUP
            return [entry for entry in [Entry(*known)] if name in (None, entry.name)]

        known = (name, load)
        monkeypatch.setattr(module, "entry_points", found)

    return install


@pytest.fixture
def corridor_suite(installed):
    """Install the corridor as the only suite."""
    installed(suites, "corridor", lambda: CorridorSuite)
    return CorridorSuite()


@pytest.fixture
def plain_corridor():
    """Give an environment that does nothing beyond the contract."""
    return PlainCorridor("right", 0)


def an_episode(**changes):
    """Return a valid episode of 5 steps with the `changes` made to it."""
    random = np.random.default_rng(3)
    fields = {
        "suite": "corridor",
        "task": "right",
        "seed": 2**64 - 1,
        "source": "script",
        "control_period": 0.1,
        "observations": {
            "success": np.array([False, False, False, True, True, True]),
            "state": random.normal(size=(6, 2)).astype(np.float32),
            "image": random.integers(0, 256, (6, 4, 5, 3), np.uint8),
        },
        "actions": random.uniform(-1, 1, (5, 3)).astype(np.float32),
        "rewards": random.normal(size=5),
        "discounts": np.array([1.0, 1.0, 1.0, 1.0, 0.0]),
    }
    return Episode(**{**fields, **changes})


@pytest.fixture
def episode():
    """Make episodes: episode(field=value, ...)."""
    return an_episode


def contents(episode):
    """Return everything in an episode as text, numbers and bytes that compare bit for bit."""
    scalars = (episode.suite, episode.task, episode.seed, episode.source, episode.control_period)
    arrays = {name: getattr(episode, name) for name in ("actions", "rewards", "discounts")}
    arrays |= episode.observations
    return scalars, {
        name: (values.dtype.str, values.shape, values.tobytes()) for name, values in arrays.items()
    }


@pytest.fixture
def exactly():
    """Give the function that makes episodes comparable bit for bit."""
    return contents
