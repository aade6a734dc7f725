"""Base of the environments that MuJoCo simulates: what they observe, and their pictures."""

import abc
import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_contract.local_environment import LocalEnvironment
from polytask_contract.specification import Specification
from polytask_sim.scene_renderer import SceneRenderer, check_size


class SimulatedEnvironment(LocalEnvironment):
    """A LocalEnvironment of one MuJoCo model, seen from one camera.

    Implement `data` beside what LocalEnvironment asks for, and call `aim` once the model is there.
    """

    def __init__(
        self, specification: Specification, task: str, seed: int, length: int | None = None
    ) -> None:
        """Prepare `task` as LocalEnvironment does; raise UnrenderableSize for such a picture."""
        super().__init__(specification, task, seed, length)
        if specification.image:
            check_size(specification.image)
        self._observer: SceneRenderer | None = None
        self._photographer: SceneRenderer | None = None

    @property
    @abc.abstractmethod
    def data(self) -> mujoco.MjData:
        """The simulation's present state."""

    def aim(
        self, model: mujoco.MjModel, camera: str | mujoco.MjvCamera, *, upside_down: bool = False
    ) -> None:
        """Draw `model` from `camera` from now on; see SceneRenderer for `upside_down`."""
        self._model, self._camera, self._upside_down = model, camera, upside_down
        if self._specification.image:
            self._observer = self._renderer(self._specification.image, full=False)

    def observe(self, state: NDArray[np.float64], success: bool) -> dict[str, Any]:
        """Return the observations asked for: `state`, `success` and the picture of this moment."""
        observation: dict[str, Any] = {"success": np.array(success)}
        if self._specification.state_size:
            observation["state"] = state.astype(np.float32)
        if self._observer is not None:
            observation["image"] = self._observer.draw(self.data)
        return observation

    def photograph(self, size: tuple[int, int], *, full: bool = True) -> NDArray[np.uint8]:
        """Return a picture of this moment: `size` (rows, columns), in `full` quality or lean.

        Raise UnrenderableSize for a size that cannot be drawn.
        """
        kept = self._photographer
        if kept is None or (kept.size, kept.full) != (size, full):
            check_size(size)
            if kept is not None:
                kept.close()
            kept = self._photographer = self._renderer(size, full=full)
        return kept.draw(self.data)

    @property
    def field_of_view(self) -> float:
        """The camera's vertical field of view [rad]."""
        if isinstance(self._camera, str):
            return math.radians(self._model.cam(self._camera).fovy[0])
        return math.radians(self._model.vis.global_.fovy)

    def release(self) -> None:
        """Free the renderers."""
        for renderer in (self._observer, self._photographer):
            if renderer is not None:
                renderer.close()

    def _renderer(self, size: tuple[int, int], *, full: bool) -> SceneRenderer:
        return SceneRenderer(
            self._model, size, self._camera, full=full, upside_down=self._upside_down
        )
