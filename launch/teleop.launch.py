"""A robot, somebody with a gamepad who steers it, and a recorder of what is shown."""

from launch import Condition, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = [
    DeclareLaunchArgument(
        "mapping",
        default_value="xbox",
        description="What the gamepad's buttons are for: a name in config/joysticks, or a path "
        "that ends in .yaml.",
    ),
    DeclareLaunchArgument(
        "device",
        default_value="",
        description="Path of the gamepad in /dev/input, or its name; the first one unless given.",
    ),
]
# A second shutdown would be an error to launch_ros.
RUNNING = Condition(predicate=lambda context: not context.is_shutdown)


def generate_launch_description() -> LaunchDescription:
    """Return the robot, the gamepad's nodes and the recorder."""
    robot = PathJoinSubstitution(
        [FindPackageShare("polytask_bringup"), "launch", "robot.launch.py"]
    )
    params_file = LaunchConfiguration("params_file")
    use_sim_time = LaunchConfiguration("use_sim_time")
    device = ParameterValue(LaunchConfiguration("device"), value_type=str)
    mapping = ParameterValue(LaunchConfiguration("mapping"), value_type=str)
    operator = [
        PushRosNamespace(LaunchConfiguration("namespace")),
        Node(
            package="polytask_xarm_driver",
            executable="joystick",
            parameters=[params_file, {"use_sim_time": use_sim_time, "device": device}],
            output="screen",
            on_exit=Shutdown(reason="the joystick's node ended", condition=RUNNING),
        ),
        Node(
            package="polytask_xarm_driver",
            executable="teleop",
            parameters=[params_file, {"use_sim_time": use_sim_time, "mapping": mapping}],
            output="screen",
            on_exit=Shutdown(reason="the teleoperation's node ended", condition=RUNNING),
        ),
        Node(
            package="polytask_xarm_driver",
            executable="recorder",
            parameters=[params_file, {"use_sim_time": use_sim_time}],
            output="screen",
            on_exit=Shutdown(reason="the recorder ended", condition=RUNNING),
        ),
    ]
    return LaunchDescription([*ARGUMENTS, IncludeLaunchDescription(robot), GroupAction(operator)])
