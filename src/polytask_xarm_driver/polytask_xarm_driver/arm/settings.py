"""What the driver is told once."""

from dataclasses import dataclass

from polytask_xarm_driver.arm.command_bounds import CommandBounds
from polytask_xarm_driver.arm.limits import Limits
from polytask_xarm_driver.arm.motion_bounds import MotionBounds


@dataclass(frozen=True)
class Settings:
    """Bounds and times.

    In seconds: the control `period`, how long a command counts (`command_timeout`), how
    long the controller follows a velocity without a next one (`controller_timeout`), how old a
    report may be (`feedback_timeout`), and how late it shows what was asked (`feedback_delay`).
    """

    period: float
    command_timeout: float
    controller_timeout: float
    feedback_timeout: float
    feedback_delay: float
    commands: CommandBounds
    motion: MotionBounds
    limits: Limits
    gripper: bool
