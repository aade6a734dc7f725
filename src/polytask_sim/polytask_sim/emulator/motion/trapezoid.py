"""The profile of a motion from rest to rest."""

import math


class Trapezoid:
    """A way of `length` at no more than `speed` and `acceleration`, all in one unit and above 0."""

    def __init__(self, length: float, speed: float, acceleration: float) -> None:
        """Plan the profile; a short way never reaches `speed`."""
        self.length = length
        self._speed = min(speed, math.sqrt(length * acceleration))
        self._acceleration = acceleration
        self._ramp = self._speed / acceleration
        self.duration = length / self._speed + self._ramp if length > 0 else 0.0

    def at(self, time: float) -> float:
        """Return how far along the way it is `time` [s] after the start: `length` at its end."""
        left = self.duration - time
        if left <= 0:
            return self.length
        if time <= 0:
            return 0.0
        if time < self._ramp:
            return self._acceleration * time**2 / 2
        if left < self._ramp:
            return self.length - self._acceleration * left**2 / 2
        return self._speed * (time - self._ramp / 2)
