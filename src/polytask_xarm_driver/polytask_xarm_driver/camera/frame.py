"""A picture and what is known of its moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One picture of a camera.

    `picture` has the shape (rows, columns, RGB). `number` counts what the source has made, so a gap
    tells of pictures that were dropped on the way. `arrived` and `captured` are seconds of the
    monotonic clock; `captured` is None where the source does not say when its exposure was.
    `stamp` is the capture time in nanoseconds of the clock that the graph shares, where the sender
    has stated it in that clock already.
    """

    picture: NDArray[np.uint8]
    number: int
    arrived: float
    captured: float | None = None
    stamp: int | None = None

    @property
    def moment(self) -> float | int | None:
        """What must grow from picture to picture of a camera that works; None when unknown."""
        return self.captured if self.stamp is None else self.stamp
