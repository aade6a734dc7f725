"""A robot, and what learns with it: experts, their rewards, and the policy distilled of them."""

from launch import Condition, LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.substitutions import FindPackageShare

# A second shutdown would be an error to launch_ros.
RUNNING = Condition(predicate=lambda context: not context.is_shutdown)


def generate_launch_description() -> LaunchDescription:
    """Return the robot and the learner's nodes."""
    share = FindPackageShare("polytask_bringup")
    robot = PathJoinSubstitution([share, "launch", "robot.launch.py"])
    shipped = PathJoinSubstitution([share, "config", "parameters", "learner.yaml"])
    params_file = LaunchConfiguration("params_file")
    use_sim_time = LaunchConfiguration("use_sim_time")
    learner = [
        PushRosNamespace(LaunchConfiguration("namespace")),
        Node(
            package="polytask_learning",
            executable="expert_learner",
            parameters=[shipped, params_file, {"use_sim_time": use_sim_time}],
            output="screen",
            on_exit=Shutdown(reason="the expert learner ended", condition=RUNNING),
        ),
        Node(
            package="polytask_learning",
            executable="ot_reward",
            parameters=[params_file, {"use_sim_time": use_sim_time}],
            output="screen",
            on_exit=Shutdown(reason="the reward service ended", condition=RUNNING),
        ),
        Node(
            package="polytask_learning",
            executable="distiller",
            parameters=[params_file, {"use_sim_time": use_sim_time}],
            output="screen",
            on_exit=Shutdown(reason="the distiller ended", condition=RUNNING),
        ),
    ]
    return LaunchDescription([IncludeLaunchDescription(robot), GroupAction(learner)])
