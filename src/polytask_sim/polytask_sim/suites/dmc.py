"""DeepMind Control: the cheetah runs, with torsos of ten lengths.

The paper's settings: state observation, action repeat 2, 1000 simulation steps. The reward of a
step is upstream's, summed over the repeated action; an episode's return divided by 1000 is its
score.
"""

import xml.etree.ElementTree as ET
from typing import Any

import mujoco
import numpy as np
from dm_control.rl import control
from dm_control.suite import cheetah

from polytask_contract.environment import Action
from polytask_contract.errors import NoDemonstrator, PolyTaskError, UnknownName
from polytask_contract.local_environment import Outcome
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Policy
from polytask_sim.simulated_environment import SimulatedEnvironment

# Half the length of the torso [m]; upstream's cheetah is the first.
TORSOS = {f"torso-{number}": round(0.4 + 0.1 * number, 1) for number in range(1, 11)}

ACTION_REPEAT = 2
SIMULATION_STEPS = 1000
SIMULATION_PERIOD = 0.01
STATE_SIZE = 17
CAMERA = "side"


def cheetah_model(half_length: float) -> tuple[str, dict[str, bytes]]:
    """Return upstream's model, the torso `half_length` metres to each side, and its assets."""
    text, assets = cheetah.get_model_and_assets()
    # The text is upstream's own, out of the installed package.
    model = ET.fromstring(text)  # noqa: S314
    capsule = model.find(".//geom[@name='torso']")
    if capsule is None:
        raise PolyTaskError("dm_control's cheetah has no geom called 'torso'")
    capsule.set("fromto", f"{-half_length} 0 0 {half_length} 0 0")
    return ET.tostring(model, encoding="unicode"), assets


class CheetahEnvironment(SimulatedEnvironment):
    """A cheetah that shall run at 10 m/s; `success` is true while it does."""

    def __init__(self, task: str, seed: int, observations: Observations) -> None:
        """Prepare the cheetah of `task`; raise UnknownName when there is no such torso."""
        specification = Specification(
            suite="dmc",
            tasks=tuple(TORSOS),
            action_size=6,
            state_size=STATE_SIZE if observations.state else 0,
            image=observations.image,
            control_period=ACTION_REPEAT * SIMULATION_PERIOD,
            episode_length=SIMULATION_STEPS // ACTION_REPEAT,
            simulated=True,
        )
        super().__init__(specification, task, seed)
        self._physics = cheetah.Physics.from_xml_string(*cheetah_model(TORSOS[task]))
        self._simulation: Any = None
        self.aim(self._physics.model.ptr, CAMERA)

    @property
    def data(self) -> mujoco.MjData:
        """The simulation's present state."""
        data: mujoco.MjData = self._physics.data.ptr
        return data

    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put the joints at angles drawn from `random` and let the cheetah fall to the ground."""
        chance = np.random.RandomState(int(random.integers(2**32)))
        self._simulation = control.Environment(
            self._physics, cheetah.Cheetah(random=chance), time_limit=float("inf")
        )
        return self._observe(self._simulation.reset().observation)

    def advance(self, action: Action) -> Outcome:
        """Apply the action ACTION_REPEAT times."""
        reward = 0.0
        for _ in range(ACTION_REPEAT):
            timestep = self._simulation.step(action)
            reward += timestep.reward
        return Outcome(self._observe(timestep.observation), reward)

    def release(self) -> None:
        """Free renderers and model."""
        super().release()
        self._physics.free()

    def _observe(self, parts: dict[str, Any]) -> dict[str, Any]:
        # Upstream's private constant is the speed at which its reward is full.
        fast = self._physics.speed() >= cheetah._RUN_SPEED
        return self.observe(np.concatenate([parts["position"], parts["velocity"]]), bool(fast))


class DmcSuite:
    """Ten cheetahs, each a task."""

    name = "dmc"
    tasks = tuple(TORSOS)

    def make(self, task: str, seed: int, observations: Observations) -> CheetahEnvironment:
        """Return an environment of `task`; raise UnknownName when there is no such task."""
        if task not in TORSOS:
            raise UnknownName("task", task, self.tasks)
        return CheetahEnvironment(task, seed, observations)

    def demonstrator(self, task: str) -> Policy:
        """Raise NoDemonstrator: nobody can write a running cheetah down; train one."""
        if task not in TORSOS:
            raise UnknownName("task", task, self.tasks)
        raise NoDemonstrator(f"dmc has no scripted policy for {task!r}; use a trained expert's run")
