"""A UFACTORY xArm 7 at a table: the paper's ten tasks of a real robot, simulated.

The paper's settings: a step moves the tool by up to 25 mm along each axis, within a box of the
task's, and lasts 0.4 s; the tool's turn is fixed; one camera. The fourth value of an action opens
the fingers above 0.5 and closes them below -0.5. Where something is held that must not be dropped,
in the pouring tasks, the fingers stay and the fourth value tilts the tool by up to 12 degrees.
"""

from typing import Any

import mujoco
import numpy as np

from polytask_contract.environment import Action
from polytask_contract.errors import UnknownName
from polytask_contract.local_environment import Outcome
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Policy
from polytask_contract.table import ACTION_SIZE, CONTROL_PERIOD, STATE_SIZE, Grasp, table_state
from polytask_sim.simulated_environment import SimulatedEnvironment
from polytask_sim.suites import sentences
from polytask_sim.xarm import kinematics
from polytask_sim.xarm.close_drawer import CloseDrawerTask
from polytask_sim.xarm.insert import InsertTask
from polytask_sim.xarm.open_box import OpenBoxTask
from polytask_sim.xarm.pour import PourTask
from polytask_sim.xarm.randomisation import Randomisation, Randomiser
from polytask_sim.xarm.reach import ReachTask
from polytask_sim.xarm.scripts import script_of
from polytask_sim.xarm.table import CAMERA, TIMESTEP, table_model
from polytask_sim.xarm.table_task import Reading, TableTask

TASKS: dict[str, TableTask] = {
    task.name: task
    for task in (
        InsertTask("green"),
        InsertTask("yellow"),
        InsertTask("blue"),
        ReachTask(),
        PourTask("left"),
        PourTask("right"),
        OpenBoxTask("left"),
        OpenBoxTask("right"),
        CloseDrawerTask("left"),
        CloseDrawerTask("right"),
    )
}

# The commanded joints run to their new places in the first part of a period, in so many pieces.
PIECES, MOVING_PIECES = 20, 14
PIECE_STEPS = round(CONTROL_PERIOD / TIMESTEP / PIECES)


class XarmEnvironment(SimulatedEnvironment):
    """One task at the table; the reward is 1 while it is accomplished and below 0.5 before.

    The state is: the tool's position [m] (3), each finger's way from the middle [m], the tilt
    [rad], then up to four things' positions [m] (12) and two measures as the task's `read` tells,
    zero where a task has fewer; then the ways [0.1 m] from the tool to each thing (12) and from the
    first thing to each other (9).
    """

    def __init__(
        self, task: str, seed: int, observations: Observations, randomisation: Randomisation
    ) -> None:
        """Prepare `task`; raise UnknownName when there is no such task."""
        specification = Specification(
            suite="xarm",
            tasks=tuple(TASKS),
            action_size=ACTION_SIZE,
            state_size=STATE_SIZE if observations.state else 0,
            image=observations.image,
            control_period=CONTROL_PERIOD,
            episode_length=max(each.length for each in TASKS.values()),
            simulated=True,
        )
        specification.check_task(task)
        self._table_task = TASKS[task]
        super().__init__(specification, task, seed, self._table_task.length)
        self._simulation = table_model(self._table_task)
        self._data = mujoco.MjData(self._simulation)
        self._randomiser = Randomiser(self._simulation, self._table_task.standing, randomisation)
        self._joints = kinematics.HOME
        self._grasp = Grasp(np.zeros(3), 0.0, 0.0)
        self.aim(self._simulation, CAMERA)

    @property
    def data(self) -> mujoco.MjData:
        """The simulation's present state."""
        return self._data

    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put the tool anywhere in the task's start box and let everything come to rest."""
        task, data = self._table_task, self._data
        mujoco.mj_resetData(self._simulation, data)
        self._randomiser.draw(data, random)
        self._grasp = Grasp(task.start.draw(random), task.opening, 0.0)
        self._joints = self._solved(kinematics.HOME)
        data.qpos[: kinematics.JOINTS] = self._joints
        data.qpos[kinematics.JOINTS :][:2] = task.opening
        data.ctrl[:] = [*self._joints, task.opening, task.opening]
        mujoco.mj_kinematics(self._simulation, data)
        task.place(data, random)
        mujoco.mj_step(self._simulation, data, round(task.settling / TIMESTEP))
        mujoco.mj_forward(self._simulation, data)
        return self._observe(task.read(data))

    def advance(self, action: Action) -> Outcome:
        """Move the commanded point, follow it, and wait for the period's end."""
        task = self._table_task
        self._grasp = self._grasp.moved(action, task.box, tilts=task.tilts)
        self._follow(self._solved(self._joints))
        reading = task.read(self._data)
        reward = 1.0 if reading.accomplished else 0.5 * reading.progress
        return Outcome(self._observe(reading), reward)

    def _solved(self, start: kinematics.Vector) -> kinematics.Vector:
        """Return joints that put the tool at the commanded point, turned and tilted."""
        rotation = self._grasp.rotation(self._table_task.turned)
        return kinematics.inverse(self._grasp.point, rotation, start)

    def _follow(self, joints: kinematics.Vector) -> None:
        data, before = self._data, self._joints
        data.ctrl[kinematics.JOINTS :] = self._grasp.fingers
        for piece in range(1, PIECES + 1):
            share = min(1.0, piece / MOVING_PIECES)
            # Begins and ends at rest.
            smooth = share * share * (3 - 2 * share)
            data.ctrl[: kinematics.JOINTS] = before + smooth * (joints - before)
            mujoco.mj_step(self._simulation, data, PIECE_STEPS)
        mujoco.mj_forward(self._simulation, data)
        self._joints = joints

    def _observe(self, reading: Reading) -> dict[str, Any]:
        tool = self._data.site("tool").xpos.copy()
        fingers = float(self._data.qpos[kinematics.JOINTS :][:2].mean())
        seen = Grasp(tool, fingers, self._grasp.tilt)
        state = table_state(seen, reading.things, reading.measures)
        return self.observe(state, reading.accomplished)


class XarmSuite:
    """Ten tasks at the table."""

    name = "xarm"
    tasks = tuple(TASKS)

    def __init__(self, randomisation: Randomisation | None = None) -> None:
        """Offer the tasks, with what is to be randomised; by default nothing is."""
        self._randomisation = randomisation or Randomisation()

    def make(self, task: str, seed: int, observations: Observations) -> XarmEnvironment:
        """Return an environment of `task`; raise UnknownName when there is no such task."""
        return XarmEnvironment(task, seed, observations, self._randomisation)

    def demonstrator(self, task: str) -> Policy:
        """Return a scripted policy that accomplishes `task` from its state and then holds still."""
        if task not in TASKS:
            raise UnknownName("task", task, self.tasks)
        return script_of(task)

    def sentence(self, task: str) -> str:
        """Return what to do in `task`; raise UnknownName when there is no such task."""
        if task not in TASKS:
            raise UnknownName("task", task, self.tasks)
        return sentences.XARM[task]
