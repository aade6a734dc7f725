"""A video file in the place of a camera."""

import time
from collections.abc import Callable

import av

from polytask_xarm_driver.camera.decoding import Decoding
from polytask_xarm_driver.camera.errors import CameraError, VideoEnded
from polytask_xarm_driver.camera.frame import Frame

# What was missed while the process stood still is not hurried through.
MOST_BEHIND = 1.0


class VideoFile:
    """Any video that PyAV reads, played at its own rate, once or again and again."""

    def __init__(self, path: str, *, loop: bool) -> None:
        """Play the video at `path`; with `loop` it begins again when it ends."""
        self._path, self._loop = path, loop
        self.description = f"video {path}"

    def open(self) -> "VideoPictures":
        """Open the video; raise CameraError when there is none or it cannot be read."""
        return VideoPictures(self._decode, loop=self._loop)

    def _decode(self) -> Decoding:
        try:
            return Decoding(av.open(self._path), self.description)
        except av.error.FileNotFoundError:
            raise CameraError(f"there is no video {self._path!r}; valid: a file's path") from None
        except av.FFmpegError as error:
            raise CameraError(
                f"{self._path} is no video that can be read: {error.strerror}"
            ) from None


class VideoPictures:
    """A video that plays."""

    def __init__(self, open_again: Callable[[], Decoding], *, loop: bool) -> None:
        """Play what `open_again` opens, from now on."""
        self._open_again, self._loop = open_again, loop
        self._decoding = open_again()
        self.rate, self.size = self._decoding.rate, self._decoding.size
        self._number = 0
        self._begun = time.monotonic()
        self._shown = 0.0

    def read(self) -> Frame:
        """Wait until the next picture is due; raise VideoEnded after the last one."""
        try:
            picture, place = self._decoding.next()
        except EOFError:
            self._rewind()
            try:
                picture, place = self._decoding.next()
            except EOFError:
                raise CameraError("the video has no picture in it") from None
        self._shown = place if place is not None else self._shown + 1 / self.rate
        self._wait(self._begun + self._shown)
        self._number += 1
        return Frame(picture, self._number, time.monotonic())

    def _rewind(self) -> None:
        if not self._loop:
            raise VideoEnded("the video has ended; to play it again and again, set loop")
        self._decoding.close()
        self._decoding = self._open_again()
        self._begun += self._shown + 1 / self.rate
        self._shown = 0.0

    def _wait(self, due: float) -> None:
        ahead = due - time.monotonic()
        if ahead < -MOST_BEHIND:
            self._begun -= ahead
        time.sleep(max(0.0, ahead))

    def close(self) -> None:
        """Close the file."""
        self._decoding.close()
