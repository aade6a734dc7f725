"""Pictures of a MuJoCo scene: lean ones for learning, full ones for people."""

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_contract.errors import PolyTaskError

LARGEST_SIDE = 4096
FULL_SAMPLES = 4
# What costs most on a processor and tells a policy least.
COSTLY = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION)


class UnrenderableSize(PolyTaskError):
    """A picture was asked for that is larger than what the scene can be drawn into."""


class NoRenderer(PolyTaskError):
    """This machine cannot draw the way it was told to."""


def check_size(size: tuple[int, int]) -> None:
    """Raise UnrenderableSize unless pictures of `size` (rows, columns) can be drawn."""
    if not all(1 <= side <= LARGEST_SIDE for side in size):
        raise UnrenderableSize(
            f"a picture of {size[0]} x {size[1]} pixels; valid: 1 to {LARGEST_SIDE} along a side"
        )


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
        UnrenderableSize for a size that cannot be drawn, NoRenderer where nothing can.
        """
        check_size(size)
        self.size, self.full = size, full
        self._camera = camera
        self._turn = -1 if upside_down else 1
        with _drawing_settings(model, size, full=full):
            self._renderer: Any = _open_renderer(model, size)
        # Also at the end of a process that forgot to, while OpenGL is still there.
        self._free = weakref.finalize(self, self._renderer.close)
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
        self._free()


def _open_renderer(model: mujoco.MjModel, size: tuple[int, int]) -> Any:
    try:
        return mujoco.Renderer(model, *size)
    except (mujoco.FatalError, AttributeError, ImportError, RuntimeError) as error:
        backend = os.environ.get("MUJOCO_GL", "")
        raise NoRenderer(
            f"MuJoCo cannot draw with MUJOCO_GL={backend!r} ({error}); valid: egl, osmesa or, with "
            "a screen, glfw, set before Python starts, and its library installed"
        ) from error


@contextmanager
def _drawing_settings(model: Any, size: tuple[int, int], *, full: bool) -> Iterator[None]:
    """Give `model` what a renderer reads when it is made, and put back what was there.

    Another renderer of the same model, or upstream's own, then finds it as its authors left it.
    """
    buffer, quality = model.vis.global_, model.vis.quality
    before = (buffer.offheight, buffer.offwidth, quality.offsamples, quality.shadowsize)
    buffer.offheight, buffer.offwidth = size
    quality.offsamples = FULL_SAMPLES if full else 0
    if not full:
        # The map of shadows is the largest buffer of all.
        quality.shadowsize = 0
    try:
        yield
    finally:
        buffer.offheight, buffer.offwidth, quality.offsamples, quality.shadowsize = before
