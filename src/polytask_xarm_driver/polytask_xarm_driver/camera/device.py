"""A camera that the system offers as a video device."""

import errno
import time
from collections.abc import Callable
from pathlib import Path

import av

from polytask_xarm_driver.camera.capture_time import capture_time
from polytask_xarm_driver.camera.decoding import Decoding
from polytask_xarm_driver.camera.errors import CameraError
from polytask_xarm_driver.camera.frame import Frame

V4L2 = "video4linux2,v4l2"
# 30 pictures a second are 29.97 to some.
RATE_TOLERANCE = 0.02
NO_CAMERA = {errno.ENOTTY, errno.ENODEV, errno.ENXIO, errno.EISDIR, errno.ENOSYS}


class Device:
    """A Video4Linux device, asked for pictures of one size, rate and pixel format."""

    def __init__(
        self,
        path: str,
        size: tuple[int, int],
        rate: float,
        pixel_format: str = "",
        form: str = V4L2,
    ) -> None:
        """Name what is asked for: `size` is rows and columns [px], `rate` pictures a second [1/s].

        An empty `pixel_format` leaves the choice to the driver. `form` is PyAV's name for the kind
        of device.
        """
        self._path, self._size, self._rate, self._form = path, size, rate, form
        self._options = {"video_size": f"{size[1]}x{size[0]}", "framerate": f"{rate:g}"}
        if pixel_format:
            self._options["input_format"] = pixel_format
        self.description = f"device {path}"

    def open(self) -> "DevicePictures":
        """Open the device; raise CameraError with the reason when that cannot be."""
        try:
            # For the device alone: a decoder that was told a size would report that one.
            container = av.open(
                self._path, format=self._form, container_options=dict(self._options)
            )
        except av.FFmpegError as error:
            raise CameraError(self._refusal(error)) from None
        pictures = DevicePictures(Decoding(container, self.description, self._rate))
        # A driver that cannot do as it is asked takes what is next to it, and says nothing.
        if pictures.size != self._size or abs(pictures.rate / self._rate - 1) > RATE_TOLERANCE:
            pictures.close()
            given, asked = offer(pictures.size, pictures.rate), offer(self._size, self._rate)
            raise CameraError(
                f"{self.description} gives {given}, not {asked}; "
                "v4l2-ctl --list-formats-ext tells what it can do"
            )
        return pictures

    def _refusal(self, error: av.FFmpegError) -> str:
        number, text = error.errno, error.strerror
        if number == errno.ENOENT:
            found = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none is connected"
            return f"there is no device {self._path}; valid: {found}"
        if number in NO_CAMERA:
            return f"{self._path} is no camera: {text}"
        if number == errno.EBUSY:
            return f"{self.description} is in use by another program"
        if number in (errno.EACCES, errno.EPERM):
            return f"{self.description} may not be read by this user; the group 'video' may"
        asked = ", ".join(f"{name} {value}" for name, value in self._options.items())
        return f"{self.description} does not open with {asked}: {text}"


def offer(size: tuple[int, int], rate: float) -> str:
    """Return in words what pictures of `size` (rows, columns) and `rate` [1/s] are."""
    return f"{size[1]} x {size[0]} at {rate:.4g} a second"


class DevicePictures:
    """An open device."""

    def __init__(self, decoding: Decoding, now: Callable[[], float] = time.monotonic) -> None:
        """Read from `decoding`; `now` is the monotonic clock."""
        self._decoding, self._now = decoding, now
        self.rate, self.size = decoding.rate, decoding.size

    def read(self) -> Frame:
        """Wait for the next picture; raise CameraError when the device gives none any more."""
        try:
            picture, stamp = self._decoding.next()
        except EOFError:
            raise CameraError("the device has ended its pictures") from None
        arrived = self._now()
        captured = None if stamp is None else capture_time(stamp, arrived, time.time())
        return Frame(picture, self._decoding.count, arrived, captured)

    def close(self) -> None:
        """Let go of the device."""
        self._decoding.close()
