"""Pictures of a MuJoCo scene: lean ones for learning, full ones for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_contract.errors import PolyTaskError

LEAN_SAMPLES, FULL_SAMPLES = 0, 4
# What costs most on a processor and tells a policy least.
COSTLY = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION)


class UnrenderableSize(PolyTaskError):
    """A picture was asked for that is larger than what the scene can be drawn into."""


class SceneRenderer:
    """Draws one model from one camera; the same state gives the same pixels.

    Every renderer has an OpenGL context of its own and makes it current before it draws, so any
    number of them, of any models, work side by side in a process.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        size: tuple[int, int],
        camera: str | mujoco.MjvCamera,
        *,
        full: bool = False,
        upside_down: bool = False,
    ) -> None:
        """Prepare pictures of `size` (rows, columns); `full` adds shadows and smooth edges.

        `upside_down` turns the picture by half a turn, for a camera that hangs that way. Raise
        UnrenderableSize for pictures larger than 4096 pixels along a side.
        """
        if max(size) > 4096:
            raise UnrenderableSize(f"a picture of {size} pixels; valid: up to 4096 along a side")
        self._camera = camera
        self._turn = -1 if upside_down else 1
        with _drawing_settings(model, size, FULL_SAMPLES if full else LEAN_SAMPLES):
            self._renderer: Any = mujoco.Renderer(model, *size)
        if not full:
            for flag in COSTLY:
                self._renderer.scene.flags[flag] = False

    def draw(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Return a new picture (rows, columns, RGB) of the state in `data`."""
        self._renderer.update_scene(data, camera=self._camera)
        picture: NDArray[np.uint8] = self._renderer.render()
        return np.ascontiguousarray(picture[:: self._turn, :: self._turn])

    def close(self) -> None:
        """Free the context."""
        self._renderer.close()


@contextmanager
def _drawing_settings(model: Any, size: tuple[int, int], samples: int) -> Iterator[None]:
    """Give `model` what a renderer reads when it is made, and put back what was there.

    Another renderer of the same model, or upstream's own, then finds it as its authors left it.
    """
    buffer, quality = model.vis.global_, model.vis.quality
    before = (buffer.offheight, buffer.offwidth, quality.offsamples)
    buffer.offheight = max(size[0], before[0])
    buffer.offwidth = max(size[1], before[1])
    quality.offsamples = samples
    try:
        yield
    finally:
        buffer.offheight, buffer.offwidth, quality.offsamples = before
