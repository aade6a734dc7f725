"""Domain randomisation: what of the look and the layout changes from episode to episode."""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_sim.xarm.table import CAMERA

BRIGHTNESS, LAMP_SHIFT = (0.6, 1.3), 0.4
COLOUR_SHIFT = 0.1
CAMERA_SHIFT, CAMERA_TURN = 0.03, 0.03
POSE_SHIFT = 0.015


@dataclass(frozen=True)
class Randomisation:
    """What is drawn anew at each reset; by default nothing is.

    `light`: the lamp's place and brightness. `colour`: every colour, a little, so that green stays
    green. `camera`: its place and direction, a little. `pose`: where props stand, up to POSE_SHIFT
    along the table [m].
    """

    light: bool = False
    colour: bool = False
    camera: bool = False
    pose: bool = False


class Randomiser:
    """Changes a model at each reset; from what it was made with, never from the last change."""

    def __init__(
        self, model: mujoco.MjModel, standing: Sequence[str], chosen: Randomisation
    ) -> None:
        """Remember `model` as it is; `standing` are the bodies that `pose` may move."""
        self._standing = standing
        self._model = model
        self._chosen = chosen
        self._lamp = model.light("lamp")
        self._camera = model.camera(CAMERA)
        self._before = {
            "diffuse": self._lamp.diffuse.copy(),
            "lamp": self._lamp.pos.copy(),
            "rgba": model.geom_rgba.copy(),
            "camera": self._camera.pos.copy(),
            "bodies": model.body_pos.copy(),
            "turn": self._camera.quat.copy(),
        }

    def draw(self, data: mujoco.MjData, random: np.random.Generator) -> None:
        """Give model and freshly reset `data` another look and layout, as chosen."""
        before = self._before
        if self._chosen.light:
            self._lamp.diffuse[:] = before["diffuse"] * random.uniform(*BRIGHTNESS)
            self._lamp.pos[:] = before["lamp"] + random.uniform(-LAMP_SHIFT, LAMP_SHIFT, 3)
        if self._chosen.colour:
            shift = random.uniform(-COLOUR_SHIFT, COLOUR_SHIFT, before["rgba"].shape)
            shift[:, 3] = 0
            self._model.geom_rgba[:] = np.clip(before["rgba"] + shift, 0, 1)
        if self._chosen.camera:
            self._camera.pos[:] = before["camera"] + random.uniform(-CAMERA_SHIFT, CAMERA_SHIFT, 3)
            turn = before["turn"] + random.uniform(-CAMERA_TURN, CAMERA_TURN, 4)
            self._camera.quat[:] = turn / np.linalg.norm(turn)
        if self._chosen.pose:
            for name in self._standing:
                self._move(data, name, random.uniform(-POSE_SHIFT, POSE_SHIFT, 2))

    def _move(self, data: mujoco.MjData, name: str, shift: NDArray[np.float64]) -> None:
        body = self._model.body(name)
        if body.jntnum[0]:
            start = self._model.jnt_qposadr[body.jntadr[0]]
            data.qpos[start : start + 2] += shift
        else:
            body.pos[:2] = self._before["bodies"][body.id, :2] + shift
