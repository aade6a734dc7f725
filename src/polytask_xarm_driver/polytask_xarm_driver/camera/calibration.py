"""A camera's calibration, as ROS's camera_calibration writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from polytask_xarm_driver.camera.errors import CameraError

# How many numbers describe the distortion of each model.
MODELS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
# Each matrix of the file and its shape.
MATRICES = {
    "camera_matrix": (3, 3),
    "rectification_matrix": (3, 3),
    "projection_matrix": (3, 4),
}


@dataclass(frozen=True)
class Calibration:
    """How a camera of `size` (rows, columns) maps directions to pixels.

    `camera`, `rectification` and `projection` are matrices row by row, as CameraInfo has them.
    """

    path: str
    size: tuple[int, int]
    model: str
    distortion: tuple[float, ...]
    camera: tuple[float, ...]
    rectification: tuple[float, ...]
    projection: tuple[float, ...]

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise CameraError when pictures of `size` are not what was calibrated."""
        if size != self.size:
            own, given = (f"{columns} x {rows}" for rows, columns in (self.size, size))
            raise CameraError(
                f"the calibration {self.path} is of pictures of {own}, and the camera gives {given}"
            )


def read_calibration(path: str) -> Calibration:
    """Return the calibration in a file; raise CameraError, which names what is wrong with it."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CameraError(f"the calibration {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CameraError(f"the calibration {path} is not YAML") from None
    if not isinstance(content, dict):
        raise CameraError(f"the calibration {path} has no fields; valid: those of a calibration")
    fields = _Fields(path, content)
    model = fields.get("distortion_model")
    if model not in MODELS:
        raise fields.wrong("distortion_model", model, f"one of {', '.join(MODELS)}")
    camera, rectification, projection = (
        fields.matrix(name, shape) for name, shape in MATRICES.items()
    )
    return Calibration(
        path=path,
        size=(fields.pixels("image_height"), fields.pixels("image_width")),
        model=model,
        distortion=fields.matrix("distortion_coefficients", (1, MODELS[model])),
        camera=camera,
        rectification=rectification,
        projection=projection,
    )


class _Fields:
    """Reads the fields of one file, and says which of them is wrong."""

    def __init__(self, path: str, content: Mapping[str, Any]) -> None:
        self._path, self._content = path, content

    def wrong(self, name: str, value: Any, valid: str) -> CameraError:
        return CameraError(f"the calibration {self._path} has {name} {value!r}; valid: {valid}")

    def get(self, name: str) -> Any:
        if name not in self._content:
            raise CameraError(f"the calibration {self._path} has no {name}")
        return self._content[name]

    def pixels(self, name: str) -> int:
        value = self.get(name)
        if not isinstance(value, int) or value < 1:
            raise self.wrong(name, value, "a number of pixels from 1")
        return value

    def matrix(self, name: str, shape: tuple[int, int]) -> tuple[float, ...]:
        entry = self.get(name)
        values = entry.get("data") if isinstance(entry, dict) else None
        count = shape[0] * shape[1]
        if isinstance(values, list) and len(values) == count:
            numbers = [value for value in values if isinstance(value, int | float)]
            if len(numbers) == count and np.isfinite(numbers).all():
                return tuple(map(float, numbers))
        raise self.wrong(name, values, f"data of {count} finite numbers")
