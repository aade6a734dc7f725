"""A simulated world behind the environment contract: robot.launch.py with robot:=sim."""

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.substitutions import PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    """Return the simulated robot."""
    robot = PathJoinSubstitution(
        [FindPackageShare("polytask_bringup"), "launch", "robot.launch.py"]
    )
    return LaunchDescription(
        [IncludeLaunchDescription(robot, launch_arguments={"robot": "sim"}.items())]
    )
