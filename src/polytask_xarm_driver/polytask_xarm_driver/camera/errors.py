"""Why there are no pictures."""

from polytask_contract.errors import PolyTaskError


class CameraError(PolyTaskError):
    """A camera cannot be opened or read, or its pictures cannot be used; the text says why."""


class VideoEnded(CameraError):
    """A video was played to its end and is not to begin again."""
