"""Where the tool is, and how it moves, in the frame of the arm's base."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from polytask_xarm_driver.arm.rotation import Matrix, Vector, rotation_vector, turn


class Twist(NamedTuple):
    """How the tool moves: its velocity [m/s] and its turning, axis times speed [rad/s]."""

    linear: Vector
    angular: Vector

    @property
    def still(self) -> bool:
        """Whether this is standing still."""
        return not self.linear.any() and not self.angular.any()


REST = Twist(np.zeros(3), np.zeros(3))


class Pose:
    """A place of the tool [m] and how it is turned there."""

    __slots__ = ("position", "rotation")

    def __init__(self, position: Sequence[float] | Vector, rotation: Matrix) -> None:
        """Take a `position` (3) [m] and a `rotation` matrix (3, 3)."""
        self.position: Vector = np.array(position, np.float64)
        self.rotation = rotation

    def way_to(self, other: "Pose") -> Twist:
        """Return the way [m] and the turn [rad] from here to `other`."""
        return Twist(
            other.position - self.position, rotation_vector(other.rotation @ self.rotation.T)
        )

    def moved(self, twist: Twist, seconds: float) -> "Pose":
        """Return where the tool is after moving by `twist` for some `seconds`."""
        return Pose(
            self.position + seconds * twist.linear, turn(seconds * twist.angular) @ self.rotation
        )
