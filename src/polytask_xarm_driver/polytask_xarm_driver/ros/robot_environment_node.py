"""The executable `robot_environment`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.robot_environment import RobotEnvironment


def main() -> None:
    """Serve the robot's tasks until told to end."""
    run_node(RobotEnvironment)
