"""The arm at its table in MuJoCo: follows commanded joints and tells what happens to it."""

import functools
from typing import NamedTuple

import mujoco
import numpy as np

from polytask_contract.errors import UnknownName
from polytask_sim.emulator.controller import Seen
from polytask_sim.suites.xarm import TASKS
from polytask_sim.xarm.kinematics import HOME, JOINTS, Vector
from polytask_sim.xarm.table import TIMESTEP, table_model
from polytask_sim.xarm.table_task import Reading


@functools.cache
def _model(task: str) -> mujoco.MjModel:
    """Return the table of a task; making one takes longer than a robot may be silent."""
    return table_model(TASKS[task])


class Stance(NamedTuple):
    """Where the joints and the fingers are (9), and where they are commanded to be (9)."""

    places: Vector
    command: Vector


class TableWorld:
    """One task's table, in steps of TIMESTEP."""

    def __init__(self, task: str, seed: int, stance: Stance | None = None) -> None:
        """Place the things of `task` by `seed`; raise UnknownName when there is no such task.

        The arm stands as `stance` says, or else at HOME with the fingers as the task begins.
        """
        if task not in TASKS:
            raise UnknownName("task", task, tuple(TASKS))
        self.task = TASKS[task]
        self.model = _model(task)
        self.data = mujoco.MjData(self.model)
        start = np.array([*HOME, self.task.opening, self.task.opening])
        self.take(stance or Stance(start, start))
        self.task.place(self.data, np.random.default_rng(seed))
        mujoco.mj_step(self.model, self.data, round(self.task.settling / TIMESTEP))
        mujoco.mj_forward(self.model, self.data)

    @property
    def seen(self) -> Seen:
        """What the arm does."""
        data = self.data
        return Seen(
            data.qpos[:JOINTS].copy(),
            data.qvel[:JOINTS].copy(),
            data.actuator_force[:JOINTS].copy(),
            data.qfrc_constraint[:JOINTS].copy(),
        )

    @property
    def opening(self) -> float:
        """How far each finger is from the middle [m]."""
        return float(self.data.qpos[JOINTS] + self.data.qpos[JOINTS + 1]) / 2

    def step(self, joints: Vector, opening: float) -> None:
        """Let TIMESTEP pass with the joints [rad] and each finger [m] commanded so."""
        self.data.ctrl[:JOINTS] = joints
        self.data.ctrl[JOINTS:] = opening
        mujoco.mj_step(self.model, self.data)

    def read(self) -> Reading:
        """Tell what there is to tell of this moment."""
        return self.task.read(self.data)

    def stance(self) -> Stance:
        """Tell how the arm stands: its places and what it is commanded."""
        return Stance(self.data.qpos[: JOINTS + 2].copy(), self.data.ctrl.copy())

    def take(self, stance: Stance) -> None:
        """Put the arm so, at rest; the table's things stay where they are."""
        self.data.qpos[: JOINTS + 2] = stance.places
        self.data.qvel[: JOINTS + 2] = 0
        self.data.ctrl[:] = stance.command
        mujoco.mj_forward(self.model, self.data)
