"""The pictures of whatever PyAV has opened: a device, a file."""

from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from polytask_xarm_driver.camera.errors import CameraError

# A cable's noise damages a picture now and then; so many in a row are no noise.
MOST_DAMAGED = 30


class Decoding:
    """Decodes the first video in a container, and counts its pictures, whole or damaged."""

    def __init__(self, container: InputContainer, name: str, rate: float | None = None) -> None:
        """Take over `container`; raise CameraError when there is no video in it.

        `rate` is taken where the container states none; without either there is a CameraError, too.
        """
        self._container, self._name = container, name
        if not container.streams.video:
            self.close()
            raise CameraError(f"{name} has no pictures in it")
        self._stream = container.streams.video[0]
        stated = self._stream.average_rate or self._stream.guessed_rate or rate
        if not stated:
            self.close()
            raise CameraError(f"{name} does not say how many pictures a second it has")
        self.rate = float(stated)
        self.size = (self._stream.height, self._stream.width)
        self.count = 0
        self._frames = self._decoded()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._container.demux(self._stream):
            # A device's empty packet is a picture that came damaged; to a decoder it would be the
            # end. The end itself has no time.
            if not packet.size and packet.pts is not None:
                self.count += 1
                continue
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    yield frame

    def next(self) -> tuple[NDArray[np.uint8], float | None]:
        """Return the next picture (rows, columns, RGB) and its time by the source's clock [s].

        Raise EOFError after the last one, and CameraError when reading fails. A damaged picture is
        counted and passed over.
        """
        for _ in range(MOST_DAMAGED):
            self.count += 1
            try:
                frame = next(self._frames)
            except StopIteration:
                raise EOFError from None
            except av.error.InvalidDataError:
                self._frames = self._decoded()
                continue
            except av.FFmpegError as error:
                raise CameraError(
                    f"{self._name} gives no more pictures: {error.strerror}"
                ) from None
            return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), frame.time
        raise CameraError(f"{self._name} gave {MOST_DAMAGED} damaged pictures in a row")

    def close(self) -> None:
        """Close the container."""
        self._container.close()
