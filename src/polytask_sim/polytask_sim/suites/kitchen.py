"""Franka Kitchen: an arm that operates one thing of a kitchen, or several.

The paper's settings: six tasks, 280 steps, the arm moved by joint speeds. When a thing first gets
to where it belongs, the score is +1 if it was asked for and -2 if it was not. Names joined by `+`,
such as `microwave+kettle`, are one long task: all of them, in any order.
"""

from typing import Any

import mujoco
import numpy as np
from gymnasium_robotics.envs.franka_kitchen.franka_env import DEFAULT_CAMERA_CONFIG
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import (
    BONUS_THRESH,
    OBS_ELEMENT_GOALS,
    OBS_ELEMENT_INDICES,
    KitchenEnv,
)
from numpy.typing import NDArray

from polytask_contract.environment import Action
from polytask_contract.errors import UnknownName
from polytask_contract.local_environment import Outcome
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Policy
from polytask_sim.kitchen.expert import KitchenExpert
from polytask_sim.simulated_environment import SimulatedEnvironment
from polytask_sim.suites import sentences

# Our names of the paper's tasks, and upstream's.
THINGS = {
    "bottom-burner": "bottom burner",
    "top-burner": "top burner",
    "light-switch": "light switch",
    "slide-cabinet": "slide cabinet",
    "microwave": "microwave",
    "kettle": "kettle",
}
TOGETHER = "+"

EPISODE_LENGTH = 280
STATE_SIZE = 59
# Upstream advances 40 steps of 2 ms for each action.
CONTROL_PERIOD = 0.08
ASKED, NOT_ASKED = 1.0, -2.0


class KitchenEnvironment(SimulatedEnvironment):
    """The kitchen; `success` is true while everything asked for is where it belongs.

    The state is upstream's observation: the arm's joints and their speeds, then the things', with
    upstream's noise, drawn from the episode's seed.
    """

    def __init__(self, task: str, seed: int, observations: Observations) -> None:
        """Prepare `task`; raise UnknownName when it names a thing that is not in THINGS."""
        specification = Specification(
            suite="kitchen",
            tasks=(*THINGS, task) if is_sequence(task) else tuple(THINGS),
            action_size=9,
            state_size=STATE_SIZE if observations.state else 0,
            image=observations.image,
            control_period=CONTROL_PERIOD,
            episode_length=EPISODE_LENGTH,
            simulated=True,
        )
        super().__init__(specification, task, seed)
        self._asked = {THINGS[name] for name in task.split(TOGETHER)}
        self._done: set[str] = set()
        self._simulation: Any = KitchenEnv(
            terminate_on_tasks_completed=False, remove_task_when_completed=False
        )
        self.aim(self._simulation.model, upstream_camera())

    @property
    def data(self) -> mujoco.MjData:
        """The simulation's present state."""
        data: mujoco.MjData = self._simulation.data
        return data

    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put everything where upstream does; the noise is drawn from `random`."""
        # Upstream's reset ignores the seed it is given when a goal is not.
        self._simulation.robot_env.np_random = random
        answer, _ = self._simulation.reset()
        self._done = self._in_place()
        return self._observe(answer["observation"])

    def advance(self, action: Action) -> Outcome:
        """Move the arm for one control period and count what newly got to its place."""
        answer, *_ = self._simulation.step(action)
        new = self._in_place() - self._done
        self._done |= new
        score = ASKED * len(new & self._asked) + NOT_ASKED * len(new - self._asked)
        return Outcome(self._observe(answer["observation"]), score)

    def accomplished(self) -> frozenset[str]:
        """Return our names of the things that are where they belong."""
        there = self._in_place()
        return frozenset(name for name, thing in THINGS.items() if thing in there)

    def release(self) -> None:
        """Free renderers and simulation."""
        super().release()
        self._simulation.close()

    def _in_place(self) -> set[str]:
        """Return upstream's names of the things that are where they belong."""
        positions = self._simulation.data.qpos
        return {
            name
            for name, goal in OBS_ELEMENT_GOALS.items()
            if np.linalg.norm(positions[OBS_ELEMENT_INDICES[name]] - goal) < BONUS_THRESH
        }

    def _observe(self, state: NDArray[np.float64]) -> dict[str, Any]:
        return self.observe(state, self._asked <= self._in_place())


class KitchenSuite:
    """Six things, each a task."""

    name = "kitchen"
    tasks = tuple(THINGS)

    def make(self, task: str, seed: int, observations: Observations) -> KitchenEnvironment:
        """Return an environment of `task`; raise UnknownName when there is no such task."""
        return KitchenEnvironment(task, seed, observations)

    def demonstrator(self, task: str) -> Policy:
        """Return the scripted expert of `task`, or of several tasks joined by TOGETHER.

        It needs the state. Raise UnknownName when there is no such task.
        """
        if task not in THINGS and not is_sequence(task):
            raise UnknownName("task", task, self.tasks)
        return KitchenExpert([THINGS[name] for name in task.split(TOGETHER)])

    def sentence(self, task: str) -> str:
        """Return what to do in `task`; raise UnknownName when there is no such task."""
        if task not in THINGS:
            raise UnknownName("task", task, self.tasks)
        return sentences.KITCHEN[task]


def is_sequence(task: str) -> bool:
    """Tell whether `task` names several different things of THINGS."""
    names = task.split(TOGETHER)
    return len(names) > 1 and len(set(names)) == len(names) and set(names) <= set(THINGS)


def upstream_camera() -> mujoco.MjvCamera:
    """Return the camera from which upstream shows the kitchen."""
    camera = mujoco.MjvCamera()
    for name, value in DEFAULT_CAMERA_CONFIG.items():
        setattr(camera, name, value)
    return camera
