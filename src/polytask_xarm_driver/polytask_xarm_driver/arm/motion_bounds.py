"""How fast the tool may move and turn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MotionBounds:
    """Largest speed [m/s], acceleration [m/s^2], and of turning [rad/s] and [rad/s^2]."""

    speed: float
    acceleration: float
    turn_speed: float
    turn_acceleration: float
