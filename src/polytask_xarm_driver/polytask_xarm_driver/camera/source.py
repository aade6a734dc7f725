"""What a source of pictures offers to the thread that reads it."""

from typing import Protocol

from polytask_xarm_driver.camera.frame import Frame


class PictureStream(Protocol):
    """An open source."""

    @property
    def rate(self) -> float:
        """Pictures a second that the source promises [1/s]."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of its pictures [px]."""

    def read(self) -> Frame:
        """Wait for the next picture and return it.

        Raise VideoEnded when there are no more, and CameraError when there are none any more though
        there should be.
        """

    def close(self) -> None:
        """Let go of the device or file."""


class CameraSource(Protocol):
    """Something that pictures can be read from, again after it was lost."""

    @property
    def description(self) -> str:
        """What it is and where, in a few words."""

    def open(self) -> PictureStream:
        """Open it; raise CameraError with the reason when that cannot be."""
