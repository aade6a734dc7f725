"""Meta-World: a Sawyer arm at a table; the paper's 16 tasks, and all 50.

The paper's settings: action repeat 2, 125 steps (175 for bin-picking), objects at random positions
in every episode, camera `corner` or, for some tasks, `corner3`.
"""

from typing import Any

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from numpy.typing import NDArray

from polytask_contract.environment import Action
from polytask_contract.errors import UnknownName
from polytask_contract.local_environment import Outcome
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Policy
from polytask_contract.ways import ways
from polytask_sim.metaworld_script import (
    GOAL,
    HAND,
    OBJECT,
    SECOND_OBJECT,
    UPSTREAM_SIZE,
    MetaworldScript,
)
from polytask_sim.simulated_environment import SimulatedEnvironment
from polytask_sim.suites import sentences

PAPER_TASKS = (
    "door-unlock",
    "door-open",
    "plate-slide",
    "plate-slide-back",
    "plate-slide-side",
    "plate-slide-back-side",
    "coffee-button",
    "coffee-pull",
    "button-press",
    "button-press-wall",
    "button-press-topdown",
    "button-press-topdown-wall",
    "bin-picking",
    "hammer",
    "drawer-close",
    "drawer-open",
)
VERSION = "-v3"
ALL_TASKS = tuple(name.removesuffix(VERSION) for name in ALL_V3_ENVIRONMENTS)

ACTION_REPEAT = 2
EPISODE_LENGTH = 125
LONG_EPISODES = {"bin-picking": 175}
# Upstream's simulator advances 5 steps of 2.5 ms for each action.
CONTROL_PERIOD = ACTION_REPEAT * 5 * 0.0025
# Between which of its places a state tells the ways.
PAIRS = (
    (HAND, OBJECT),
    (HAND, SECOND_OBJECT),
    (HAND, GOAL),
    (OBJECT, SECOND_OBJECT),
    (OBJECT, GOAL),
)
STATE_SIZE = UPSTREAM_SIZE + 3 * len(PAIRS)
# Upstream hangs the camera `corner` upside down; `corner3` stands upright.
CAMERA = "corner"
UPRIGHT_CAMERA = "corner3"
SEEN_FROM_CORNER_3 = frozenset(
    ("door-open", "hammer", *(task for task in PAPER_TASKS if task.startswith("plate-slide")))
)


class MetaworldEnvironment(SimulatedEnvironment):
    """One Meta-World task; the reward is upstream's, summed over the repeated action.

    The state is upstream's observation (hand, gripper and objects now and one simulation step
    before, then the place to reach, which is zero unless the goal is asked for), followed by the
    way [0.1 m] from the first to the second of each of PAIRS, zero where one of them is not there.
    `success` is upstream's flag.
    """

    def __init__(
        self, suite: str, tasks: tuple[str, ...], task: str, seed: int, observations: Observations
    ) -> None:
        """Prepare `task` of the suite `suite`; raise UnknownName when it is not in `tasks`."""
        specification = Specification(
            suite=suite,
            tasks=tasks,
            action_size=4,
            state_size=STATE_SIZE if observations.state else 0,
            image=observations.image,
            control_period=CONTROL_PERIOD,
            episode_length=max(LONG_EPISODES.get(name, EPISODE_LENGTH) for name in tasks),
            simulated=True,
        )
        super().__init__(specification, task, seed, LONG_EPISODES.get(task, EPISODE_LENGTH))
        self._goal = observations.goal
        self._simulation: Any = ALL_V3_ENVIRONMENTS[task + VERSION]()
        # What upstream's benchmark wrappers set: every reset draws positions, from the seed given
        # to `seed` and nothing else.
        self._simulation._freeze_rand_vec = False
        self._simulation.seeded_rand_vec = True
        self._simulation._set_task_called = True
        upright = task in SEEN_FROM_CORNER_3
        camera = UPRIGHT_CAMERA if upright else CAMERA
        self.aim(self._simulation.model, camera, upside_down=not upright)

    @property
    def data(self) -> mujoco.MjData:
        """The simulation's present state."""
        data: mujoco.MjData = self._simulation.data
        return data

    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put objects and goal at positions drawn from `random`."""
        # Upstream's reset ignores the seed that it is given.
        self._simulation.seed(int(random.integers(2**31)))
        state, _ = self._simulation.reset()
        return self._observe(state, success=False)

    def advance(self, action: Action) -> Outcome:
        """Apply the action ACTION_REPEAT times."""
        reward = 0.0
        for _ in range(ACTION_REPEAT):
            state, earned, _, _, info = self._simulation.step(action)
            reward += float(earned)
        return Outcome(self._observe(state, success=bool(info["success"])), reward)

    def release(self) -> None:
        """Free renderers and simulation."""
        super().release()
        self._simulation.close()

    def _observe(self, state: NDArray[np.float64], success: bool) -> dict[str, Any]:
        # Upstream hides the goal, or shows it on resets alone.
        state = state.copy()
        state[GOAL] = self._simulation._target_pos if self._goal else 0.0
        between = ways((state[here], state[there]) for here, there in PAIRS)
        return self.observe(np.concatenate([state, between]), success)


class MetaworldSuite:
    """The paper's 16 tasks."""

    name = "metaworld"
    tasks = PAPER_TASKS

    def make(self, task: str, seed: int, observations: Observations) -> MetaworldEnvironment:
        """Return an environment of `task`; raise UnknownName when there is no such task."""
        return MetaworldEnvironment(self.name, self.tasks, task, seed, observations)

    def demonstrator(self, task: str) -> Policy:
        """Return a scripted policy that accomplishes `task` and then holds still.

        It needs the state with the goal in it.
        """
        if task not in self.tasks:
            raise UnknownName("task", task, self.tasks)
        return MetaworldScript(task)

    def sentence(self, task: str) -> str:
        """Return what to do in `task`; raise UnknownName when there is no such task."""
        if task not in self.tasks:
            raise UnknownName("task", task, self.tasks)
        # Of upstream's other tasks there is but the name.
        return sentences.METAWORLD.get(task, task.replace("-", " "))


class MetaworldAllSuite(MetaworldSuite):
    """All 50 tasks."""

    name = "metaworld_all"
    tasks = ALL_TASKS
