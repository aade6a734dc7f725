"""A robot, and a policy that does there what it is asked for."""

from launch import Condition, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = [
    DeclareLaunchArgument(
        "run",
        default_value="",
        description="Folder of the run whose policy is loaded at the start; without it, none is "
        "before policy/load is called.",
    ),
]
# A second shutdown would be an error to launch_ros.
RUNNING = Condition(predicate=lambda context: not context.is_shutdown)


def generate_launch_description() -> LaunchDescription:
    """Return the robot and the policy's node."""
    robot = PathJoinSubstitution(
        [FindPackageShare("polytask_bringup"), "launch", "robot.launch.py"]
    )
    params_file = LaunchConfiguration("params_file")
    use_sim_time = LaunchConfiguration("use_sim_time")
    run = ParameterValue(LaunchConfiguration("run"), value_type=str)
    policy = [
        PushRosNamespace(LaunchConfiguration("namespace")),
        Node(
            package="polytask_learning",
            executable="policy",
            parameters=[params_file, {"use_sim_time": use_sim_time, "run": run}],
            output="screen",
            on_exit=Shutdown(reason="the policy's node ended", condition=RUNNING),
        ),
    ]
    return LaunchDescription([*ARGUMENTS, IncludeLaunchDescription(robot), GroupAction(policy)])
