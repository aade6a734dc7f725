"""What a client can set on the controller and read back, in metres, radians and kilograms."""

from dataclasses import dataclass, field

import numpy as np

from polytask_sim.emulator.motion.motion import MotionLimits
from polytask_sim.xarm.kinematics import LOWER, UPPER, Vector

# As far as the box of the safety boundary reaches until somebody sets it [m].
FARTHEST = 2.0


@dataclass
class Settings:
    """The settings of a controller; as made, those it has when it is switched on.

    `boundary` is the highest and the lowest x, y and z of the tool's point [m]; it counts while
    `fence` is on. `joint_range` (7, 2) and the reduced speeds count while `reduced` is on.
    """

    tcp_offset: Vector = field(default_factory=lambda: np.zeros(6))
    load: Vector = field(default_factory=lambda: np.zeros(4))
    gravity: Vector = field(default_factory=lambda: np.array([0.0, 0.0, -1.0]))
    world_offset: Vector = field(default_factory=lambda: np.zeros(6))
    collision_sensitivity: int = 3
    teach_sensitivity: int = 3
    fence: bool = False
    rebound: bool = False
    reduced: bool = False
    reduced_tool_speed: float = 1.0
    reduced_joint_speed: float = np.pi
    boundary: Vector = field(default_factory=lambda: FARTHEST * np.array([1, -1, 1, -1, 1, -1]))
    joint_range: Vector = field(default_factory=lambda: np.column_stack([LOWER, UPPER]))
    tool_jerk: float = 1.0
    joint_jerk: float = 20.0
    largest: MotionLimits = field(default_factory=MotionLimits)

    @property
    def limits(self) -> MotionLimits:
        """How fast the arm may be now."""
        if not self.reduced:
            return self.largest
        return self.largest._replace(
            tool_speed=min(self.largest.tool_speed, self.reduced_tool_speed),
            joint_speed=min(self.largest.joint_speed, self.reduced_joint_speed),
        )

    @property
    def joint_bounds(self) -> tuple[Vector, Vector]:
        """The lowest and the highest angle [rad] of each joint now."""
        if not self.reduced:
            return LOWER, UPPER
        return self.joint_range[:, 0], self.joint_range[:, 1]
