"""Servo mode and braking: what follows or stops without a plan."""

import numpy as np

from polytask_sim.xarm.kinematics import JOINTS, Vector


class Servo:
    """The joints run to the newest target at no more than their largest speed."""

    def __init__(self, joints: Vector, speed: float) -> None:
        """Begin at rest at `joints`; `speed` is the largest [rad/s]."""
        self._target, self._there = joints, True
        self._speed = speed

    @property
    def finished(self) -> bool:
        """Whether the newest target is commanded."""
        return self._there

    def command(self, target: Vector) -> None:
        """Take the joints `target` (7) [rad] from now on."""
        self._target, self._there = target, False

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later."""
        longest = self._speed * step
        after = joints + np.clip(self._target - joints, -longest, longest)
        self._there = bool(np.abs(self._target - after).max() < 1e-9)
        return np.asarray(after)


class Braking:
    """Every joint comes to rest as fast as it may."""

    DECELERATION = 20.0

    def __init__(self, speed: Vector) -> None:
        """Begin at the joints' `speed` (7) [rad/s]."""
        self._speed = speed

    @property
    def finished(self) -> bool:
        """Whether every joint is at rest."""
        return not self._speed.any()

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later."""
        change = self.DECELERATION * step
        self._speed = self._speed - np.clip(self._speed, -change, change)
        return np.asarray(joints + self._speed * step)


AT_REST = np.zeros(JOINTS)
