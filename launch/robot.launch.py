"""A robot behind the environment contract: simulated, emulated, or an xArm 7.

The other launch files include this one, so that its arguments are theirs.
"""

from launch import Condition, LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.conditions import IfCondition, UnlessCondition
from launch.event_handlers import OnProcessIO
from launch.events import matches_action
from launch.events.process import ProcessIO
from launch.substitutions import (
    EqualsSubstitution,
    IfElseSubstitution,
    LaunchConfiguration,
    PathJoinSubstitution,
)
from launch_ros.actions import LifecycleNode, Node, PushRosNamespace
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

from polytask_ros.parameter_file import check_parameter_file

ROBOT, ROBOT_IP = LaunchConfiguration("robot"), LaunchConfiguration("robot_ip")
SIMULATED = EqualsSubstitution(ROBOT, "sim")
SHIPPED = [
    PathJoinSubstitution([FindPackageShare("polytask_bringup"), "config", "parameters", ROBOT]),
    ".yaml",
]
ARGUMENTS = [
    DeclareLaunchArgument(
        "robot",
        default_value="sim",
        choices=["sim", "emulated", "xarm"],
        description="A simulated world, an emulated xArm 7 and its table, or the arm at robot_ip.",
    ),
    DeclareLaunchArgument(
        "robot_ip",
        default_value="",
        description="Address of the arm's controller. It must be given for xarm. For emulated it "
        "is where to listen, 127.0.0.1 unless given; each emulated arm needs one of its own.",
    ),
    DeclareLaunchArgument(
        "suite", default_value="xarm", description="For sim: the suite to serve."
    ),
    DeclareLaunchArgument(
        "task",
        default_value="reach",
        description="For emulated: the task whose things stand on the table at first. A reset lays "
        "those of its own task.",
    ),
    DeclareLaunchArgument(
        "environment",
        default_value="true",
        choices=["true", "false"],
        description="Whether to bring up the robot; false where it is up already.",
    ),
    DeclareLaunchArgument(
        "live",
        default_value="false",
        choices=["true", "false"],
        description="Whether to show topics in a browser, by the node live.",
    ),
    DeclareLaunchArgument(
        "namespace", default_value="", description="Namespace of every node; one for each robot."
    ),
    DeclareLaunchArgument(
        "params_file",
        default_value=SHIPPED,
        description="Your parameters, in sections such as /**/arm, before those that are shipped.",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="false",
        choices=["true", "false"],
        description="Whether stamps follow /clock.",
    ),
    # By this name launch takes it for every node.
    DeclareLaunchArgument(
        "sigterm_timeout",
        default_value="30",
        description="How long a node may take to end, such as to write what it has learned, before "
        "it is told by force [s].",
    ),
]
# The nodes that a parameter file may speak of, each with what is an argument instead.
NODES = {
    "arm": ("address", "autostart"),
    "camera": (),
    "distiller": (),
    "expert_learner": (),
    "joystick": ("device",),
    "live": (),
    "ot_reward": (),
    "policy": ("run",),
    "recorder": (),
    "robot_environment": (),
    "sim_environment": ("suite",),
    "teleop": ("mapping",),
    "xarm_emulator": ("address", "task"),
}
PARAMS_FILE = LaunchConfiguration("params_file")
USE_SIM_TIME = LaunchConfiguration("use_sim_time")
ADDRESS = ParameterValue(
    IfElseSubstitution(EqualsSubstitution(ROBOT_IP, ""), "127.0.0.1", ROBOT_IP), value_type=str
)
SUITE = ParameterValue(LaunchConfiguration("suite"), value_type=str)
TASK = ParameterValue(LaunchConfiguration("task"), value_type=str)
# A second shutdown would be an error to launch_ros.
RUNNING = Condition(predicate=lambda context: not context.is_shutdown)

SIMULATION = Node(
    package="polytask_sim",
    executable="sim_environment",
    parameters=[SHIPPED, PARAMS_FILE, {"use_sim_time": USE_SIM_TIME, "suite": SUITE}],
    output="screen",
    on_exit=Shutdown(reason="the simulated environment ended", condition=RUNNING),
    condition=IfCondition(SIMULATED),
)
EMULATOR = Node(
    package="polytask_sim",
    executable="xarm_emulator",
    parameters=[
        SHIPPED,
        PARAMS_FILE,
        {"use_sim_time": USE_SIM_TIME, "address": ADDRESS, "task": TASK},
    ],
    output="screen",
    on_exit=Shutdown(reason="the emulator ended", condition=RUNNING),
    condition=IfCondition(EqualsSubstitution(ROBOT, "emulated")),
)
ARM = LifecycleNode(
    package="polytask_xarm_driver",
    executable="arm",
    # This action asks for a name. Others have none, as it would rename every node in a process.
    name="arm",
    namespace="",
    # Its transitions are told by this file.
    parameters=[
        SHIPPED,
        PARAMS_FILE,
        {"use_sim_time": USE_SIM_TIME, "address": ADDRESS, "autostart": False},
    ],
    output="screen",
    on_exit=Shutdown(reason="the arm's node ended", condition=RUNNING),
    condition=UnlessCondition(SIMULATED),
)
CAMERA = Node(
    package="polytask_xarm_driver",
    executable="camera",
    parameters=[SHIPPED, PARAMS_FILE, {"use_sim_time": USE_SIM_TIME}],
    output="screen",
    on_exit=Shutdown(reason="the camera's node ended", condition=RUNNING),
    condition=UnlessCondition(SIMULATED),
)
ROBOT_ENVIRONMENT = Node(
    package="polytask_xarm_driver",
    executable="robot_environment",
    parameters=[SHIPPED, PARAMS_FILE, {"use_sim_time": USE_SIM_TIME}],
    output="screen",
    on_exit=Shutdown(reason="the robot's environment ended", condition=RUNNING),
    condition=UnlessCondition(SIMULATED),
)
LIVE = Node(
    package="polytask_xarm_driver",
    executable="live",
    parameters=[PARAMS_FILE, {"use_sim_time": USE_SIM_TIME}],
    output="screen",
)
CONFIGURE, ACTIVATE = (
    ChangeState(lifecycle_node_matcher=matches_action(ARM), transition_id=transition)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
)
# From one state of the arm to another; None is any. The events tell no more of a transition.
FAILURES = (("configuring", "unconfigured"), ("activating", "inactive"), (None, "errorprocessing"))


def refuse(context: LaunchContext) -> None:
    """Raise an error, whose one sentence is printed, for what cannot be; nothing runs yet."""
    given = context.launch_configurations
    check_parameter_file(given["params_file"], given["namespace"], NODES)
    kind, controller = given["robot"], given["robot_ip"]
    if given["environment"] == "true" and kind == "xarm" and not controller:
        raise RuntimeError(
            "robot_ip is missing: robot:=xarm needs the address of the arm's controller, as in "
            "robot_ip:=192.168.1.203"
        )
    if kind == "sim" and controller:
        raise RuntimeError(
            f"robot_ip is {controller!r}, and robot:=sim has no controller; valid: robot:=xarm, or "
            "robot:=emulated"
        )
    for name, usual, one in (("suite", "xarm", "sim"), ("task", "reach", "emulated")):
        if given[name] != usual and kind != one:
            raise RuntimeError(f"{name} is {given[name]!r}; valid with robot:={kind}: {usual!r}")


def configure_once_it_listens(event: ProcessIO) -> EmitEvent | None:
    """Return that the arm be configured, where the emulator says that it listens."""
    return EmitEvent(event=CONFIGURE) if b"an xArm 7 with firmware" in event.text else None


def bringing_up_the_arm() -> list[LaunchDescriptionEntity]:
    """Return what configures the arm once its controller is there, and then activates it.

    Where that fails the arm says why, and everything is shut down.
    """
    handlers = [
        OnProcessIO(
            target_action=EMULATOR,
            on_stdout=configure_once_it_listens,
            on_stderr=configure_once_it_listens,
        ),
        OnStateTransition(
            target_lifecycle_node=ARM,
            start_state="configuring",
            goal_state="inactive",
            entities=[EmitEvent(event=ACTIVATE)],
            # Later transitions are somebody's own.
            handle_once=True,
        ),
        *(
            OnStateTransition(
                target_lifecycle_node=ARM,
                start_state=before,
                goal_state=after,
                entities=[Shutdown(reason="the arm could not be brought up", condition=RUNNING)],
            )
            for before, after in FAILURES
        ),
    ]
    real = IfCondition(EqualsSubstitution(ROBOT, "xarm"))
    return [*map(RegisterEventHandler, handlers), EmitEvent(event=CONFIGURE, condition=real)]


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, what is refused, and the robot."""
    namespace = PushRosNamespace(LaunchConfiguration("namespace"))
    robot = [
        *(namespace, SIMULATION, EMULATOR, ARM, CAMERA, ROBOT_ENVIRONMENT),
        *bringing_up_the_arm(),
    ]
    return LaunchDescription(
        [
            *ARGUMENTS,
            # A namespace that cannot be is refused here.
            GroupAction([namespace]),
            OpaqueFunction(function=refuse),
            GroupAction(robot, condition=IfCondition(LaunchConfiguration("environment"))),
            GroupAction([namespace, LIVE], condition=IfCondition(LaunchConfiguration("live"))),
        ]
    )
