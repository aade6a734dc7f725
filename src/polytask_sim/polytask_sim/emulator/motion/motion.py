"""What every motion is to the controller."""

from typing import NamedTuple, Protocol

from polytask_sim.xarm.kinematics import Vector


class Motion(Protocol):
    """A motion of the commanded joints."""

    @property
    def finished(self) -> bool:
        """Whether the commanded joints are at rest where they were to go."""

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] after `joints`; raise MotionFault."""


class MotionLimits(NamedTuple):
    """How fast the arm may be, of the tool's point [m/s, m/s^2] and of each joint [rad/s]."""

    tool_speed: float = 1.0
    tool_acceleration: float = 50.0
    joint_speed: float = 3.14159265
    joint_acceleration: float = 20.0
