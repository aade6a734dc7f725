"""A command as it came, before anybody has judged it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """Where the tool shall go: `position` [m], `quaternion` (x, y, z, w), `opening` [m] or NaN.

    `age` is how long ago it was decided, by its stamp [s]; negative is in the future.
    """

    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    opening: float
    age: float
