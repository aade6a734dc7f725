"""The executable `joystick`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.joystick import Joystick


def main() -> None:
    """Publish how a gamepad stands until told to end."""
    run_node(Joystick)
