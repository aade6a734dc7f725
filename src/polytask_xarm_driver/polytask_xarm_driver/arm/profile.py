"""Velocities, one a period, that lead to a target without passing it.

Within a period the velocity is constant. From rest it rises by a·T a period, up to the speed limit,
and falls by at most a·T a period so that the last one ends exactly at the target. A period is T
long, and a is the acceleration limit.
"""

import math

import numpy as np

from polytask_xarm_driver.arm.rotation import Vector

NEAR = 1e-9


def braking_speed(distance: float, acceleration: float, period: float) -> float:
    """Return the largest speed from which one can still end exactly `distance` ahead.

    In n periods, each slower than the one before by a·T, one comes at most a·T²·n(n+1)/2 far. The
    smallest such n for the distance d gives the speed d/(n·T) + a·T·(n-1)/2.
    """
    unit = acceleration * period * period
    periods = math.ceil((math.sqrt(1 + 8 * distance / unit) - 1) / 2 - NEAR)
    periods = max(1, periods)
    return distance / (periods * period) + acceleration * period * (periods - 1) / 2


class Profile:
    """A velocity (3) that leads to wherever the way left points, period by period."""

    def __init__(self, speed: float, acceleration: float, period: float) -> None:
        """Stay below `speed`, and change by at most `acceleration` times the `period` [s] each."""
        self._speed, self._acceleration, self._period = speed, acceleration, period
        self.velocity: Vector = np.zeros(3)

    def rest(self) -> None:
        """Stand still now."""
        self.velocity = np.zeros(3)

    def step(self, way: Vector | None) -> Vector:
        """Return the velocity for the next period, with `way` left to go; None is to stop."""
        wanted = np.zeros(3) if way is None else self._towards(way)
        self.velocity = limited_change(self.velocity, wanted, self._acceleration * self._period)
        return self.velocity

    def _towards(self, way: Vector) -> Vector:
        distance = float(np.linalg.norm(way))
        if distance < NEAR:
            return np.zeros(3)
        speed = min(self._speed, braking_speed(distance, self._acceleration, self._period))
        return np.asarray(speed / distance * way)


def limited_change(before: Vector, wanted: Vector, largest: float) -> Vector:
    """Return `wanted`, or as near to it as lies within `largest` of `before`."""
    change = wanted - before
    size = float(np.linalg.norm(change))
    return wanted if size <= largest else before + largest / size * change


def limited(vector: Vector, largest: float) -> Vector:
    """Return `vector`, made as short as `largest` when it is longer."""
    size = float(np.linalg.norm(vector))
    return vector if size <= largest else np.asarray(largest / size * vector)
