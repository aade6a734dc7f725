"""One message of a joystick."""

import math
from typing import NamedTuple


class Sample(NamedTuple):
    """How the joystick stood: axes within [-1, 1], buttons 0 or 1, and `stamp`, when [ns]."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]
    stamp: int

    def is_sound(self) -> bool:
        """Tell whether every axis is a number at all."""
        return all(map(math.isfinite, self.axes))
