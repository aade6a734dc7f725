"""The executable `arm`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.arm import ArmNode


def main() -> None:
    """Drive the arm until told to end."""
    run_node(ArmNode)
