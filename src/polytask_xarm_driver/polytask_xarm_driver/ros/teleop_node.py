"""The executable `teleop`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.teleop import Teleop


def main() -> None:
    """Steer an environment by a joystick until told to end."""
    run_node(Teleop)
