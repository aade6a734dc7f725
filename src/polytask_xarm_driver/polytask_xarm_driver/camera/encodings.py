"""Pictures as other programs write them, as arrays, and as JPEG."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polytask_xarm_driver.camera.errors import CameraError

CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1}


def rgb_picture(data: Any, size: tuple[int, int], step: int, encoding: str) -> NDArray[np.uint8]:
    """Return `data` as a picture (rows, columns, RGB), a view of it where that can be.

    `data` holds `step` bytes a row. Raise CameraError for an `encoding` that is not rgb8, bgr8 or
    mono8, and for numbers that contradict each other.
    """
    rows, columns = size
    if encoding not in CHANNELS:
        valid = ", ".join(CHANNELS)
        raise CameraError(f"the pictures' encoding is {encoding!r}; valid: {valid}")
    channels = CHANNELS[encoding]
    values = np.frombuffer(data, np.uint8)
    if not (rows and columns) or step < columns * channels or values.size != rows * step:
        raise CameraError(
            f"a picture of {columns} x {rows} in {encoding} cannot have {values.size} bytes "
            f"in rows of {step}"
        )
    picture = values.reshape(rows, step)[:, : columns * channels].reshape(rows, columns, channels)
    if encoding == "bgr8":
        return picture[:, :, ::-1]
    return picture if channels == 3 else np.repeat(picture, 3, axis=2)


def jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Return `picture` (rows, columns, RGB) as JPEG of `quality`, 1 to 95 [-]."""
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
