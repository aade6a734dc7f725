"""The controller's units, which nothing else knows: millimetres, and pulses of the gripper.

Its angles are radians and its masses kilograms, as ours are.
"""

from collections.abc import Iterable, Sequence

from polytask_xarm_driver.arm.pose import Pose, Twist
from polytask_xarm_driver.arm.rotation import from_roll_pitch_yaw

PER_METRE = 1000.0
# The maker's gripper: fingers together at 0 pulses, and this far apart at this many.
WIDEST_PULSES = 850
WIDEST_OPENING = 0.084
# Its motor's turns a minute, of 1000 to 5000: at this pace it closes in about a second.
GRIPPER_SPEED = 3000
GRIPPER_BAUD = 2_000_000
# The driving joint of the maker's URDF is at 0 when the gripper is wide open.
DRIVE_JOINT_PER_PULSE = 0.001


def millimetres(metres: Iterable[float]) -> list[float]:
    """Return lengths [m] in millimetres."""
    return [PER_METRE * float(value) for value in metres]


def metres(values: Iterable[float]) -> tuple[float, ...]:
    """Return lengths in millimetres in metres."""
    return tuple(float(value) / PER_METRE for value in values)


def whole_millimetres(length: float) -> int:
    """Return a length [m] in millimetres, rounded to whole ones, as boundaries are told."""
    return round(PER_METRE * length)


def tool_pose(values: Sequence[float]) -> Pose:
    """Return the pose that the controller tells as x, y, z in mm and roll, pitch, yaw in rad."""
    return Pose(metres(values[:3]), from_roll_pitch_yaw(values[3], values[4], values[5]))


def tool_velocity(twist: Twist) -> list[float]:
    """Return a velocity as the controller takes it: mm/s, then rad/s, along the base's axes."""
    return [*millimetres(twist.linear), *(float(value) for value in twist.angular)]


def pulses(opening: float) -> int:
    """Return the gripper's position for fingers `opening` [m] apart."""
    return round(opening / WIDEST_OPENING * WIDEST_PULSES)


def opening(position: float) -> float:
    """Return how far the fingers are apart [m] at a position in pulses."""
    return position / WIDEST_PULSES * WIDEST_OPENING


def drive_joint(width: float) -> float:
    """Return the angle [rad] of the maker's URDF's `drive_joint` for fingers `width` [m] apart."""
    return DRIVE_JOINT_PER_PULSE * (WIDEST_PULSES - width / WIDEST_OPENING * WIDEST_PULSES)
