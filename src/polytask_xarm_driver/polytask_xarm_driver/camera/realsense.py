"""An Intel RealSense camera, by its maker's library."""

import importlib
import time
from typing import Any

import numpy as np

from polytask_xarm_driver.camera.capture_time import capture_time
from polytask_xarm_driver.camera.errors import CameraError
from polytask_xarm_driver.camera.frame import Frame

LIBRARY = "pyrealsense2"
# A longer silence is a camera that is gone: it is opened anew.
SILENCE = 2000


class RealSense:
    """The colour sensor of a RealSense camera; its depth is not read."""

    def __init__(self, serial: str, size: tuple[int, int], rate: int) -> None:
        """Ask the camera of that `serial` number, or any, for `size` (rows, columns) at `rate`.

        Raise CameraError when the library is not installed.
        """
        try:
            self._library: Any = importlib.import_module(LIBRARY)
        except ImportError:
            raise CameraError(
                f"source 'realsense' needs the Python package {LIBRARY}, which is not installed; "
                "other sources: device, file, topic"
            ) from None
        self._serial, self._size, self._rate = serial, size, rate
        self.description = f"RealSense {serial or 'camera'}"

    def open(self) -> "RealSensePictures":
        """Open the camera; raise CameraError with the library's reason when that cannot be."""
        library = self._library
        wanted = library.config()
        if self._serial:
            wanted.enable_device(self._serial)
        rows, columns = self._size
        wanted.enable_stream(library.stream.color, columns, rows, library.format.rgb8, self._rate)
        pipeline = library.pipeline()
        try:
            pipeline.start(wanted)
        except RuntimeError as error:
            asked = f"{columns} x {rows} at {self._rate} a second"
            raise CameraError(f"{self.description} does not open with {asked}: {error}") from None
        return RealSensePictures(library, pipeline, self._size, self._rate)


class RealSensePictures:
    """An open RealSense camera."""

    def __init__(self, library: Any, pipeline: Any, size: tuple[int, int], rate: float) -> None:
        """Read from a `pipeline` that was started."""
        self._pipeline = pipeline
        domains = library.timestamp_domain
        self._wall = (domains.system_time, domains.global_time)
        self.size, self.rate = size, float(rate)

    def read(self) -> Frame:
        """Wait for the next picture; raise CameraError when the camera is silent."""
        try:
            frame = self._pipeline.wait_for_frames(SILENCE).get_color_frame()
        except RuntimeError as error:
            raise CameraError(f"the RealSense camera gives no more pictures: {error}") from None
        arrived = time.monotonic()
        captured = None
        # The hardware's own clock counts from a start that nobody knows.
        if frame.get_frame_timestamp_domain() in self._wall:
            captured = capture_time(frame.get_timestamp() / 1000, arrived, time.time())
        # The library uses the memory again.
        picture = np.array(frame.get_data(), np.uint8)
        return Frame(picture, frame.get_frame_number(), arrived, captured)

    def close(self) -> None:
        """Let go of the camera."""
        self._pipeline.stop()
