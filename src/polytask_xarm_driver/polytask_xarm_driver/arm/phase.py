"""How the arm is, in one word."""

from enum import IntEnum


class Phase(IntEnum):
    """The values are those of polytask_msgs/ArmStatus."""

    OFFLINE = 0
    IDLE = 1
    READY = 2
    STOPPED = 3
