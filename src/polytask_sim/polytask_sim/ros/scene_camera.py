"""Pictures of a table that somebody else's thread moves."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_sim.emulator.emulator import Emulator
from polytask_sim.scene_renderer import SceneRenderer
from polytask_sim.xarm.table import CAMERA

STATE = mujoco.mjtState.mjSTATE_PHYSICS


class SceneCamera:
    """Draws the table of an emulator, whichever task is laid; to be used by one thread only."""

    def __init__(self, emulator: Emulator, size: tuple[int, int]) -> None:
        """Prepare pictures of `size` (rows, columns)."""
        self._emulator, self._size = emulator, size
        self._model: mujoco.MjModel | None = None
        self._data: mujoco.MjData | None = None
        self._state = np.zeros(0)
        self._renderer: SceneRenderer | None = None

    def draw(self) -> NDArray[np.uint8]:
        """Return a picture (rows, columns, RGB) of this moment; raise NoRenderer."""
        with self._emulator.held() as robot:
            model = robot.world.model
            if model is not self._model:
                self.close()
                self._model, self._data = model, mujoco.MjData(model)
                self._state = np.zeros(mujoco.mj_stateSize(model, STATE))
            mujoco.mj_getState(model, robot.world.data, self._state, STATE)
        mujoco.mj_setState(model, self._data, self._state, STATE)
        mujoco.mj_forward(model, self._data)
        if self._renderer is None:
            self._renderer = SceneRenderer(model, self._size, CAMERA)
        return self._renderer.draw(self._data)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = self._model = self._data = None
