"""The robot over ROS: arm, camera and scene put together as the environment contract."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.time import Time
from sensor_msgs.msg import Image

from polytask_contract.errors import InvalidSpecification, WorldStopped
from polytask_msgs.msg import ArmStatus, OperatorEvent, SceneState, ToolCommand
from polytask_msgs.srv import PrepareScene
from polytask_ros import names, qos
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.messages import image_array
from polytask_ros.parameters import declare_parameters
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import Vector
from polytask_xarm_driver.robot.pace import Pace
from polytask_xarm_driver.robot.picture import fitted
from polytask_xarm_driver.robot.robot_task import find_tasks, read_tasks
from polytask_xarm_driver.robot.robot_world import RobotSettings, RobotWorld
from polytask_xarm_driver.robot.senses import (
    ArmCondition,
    Patience,
    Scene,
    Sensed,
    Senses,
)
from polytask_xarm_driver.ros.markers import Markers
from polytask_xarm_driver.ros.pose_messages import fill_pose, pose_of
from polytask_xarm_driver.ros.scene_preparation import ScenePreparation

DIAGNOSTICS_PERIOD = 1.0
# How often people are shown what is there [s].
MARKERS_PERIOD = 0.2


class RobotEnvironment(EnvironmentServer):
    """Serves the robot's tasks: tells the arm where to be, and observes what comes of it.

    What the arm, the camera and the scene tell is taken as it comes; each observation is made of
    what belongs to one moment by its stamps. Whatever is missing or too old ends the episode.
    """

    def __init__(self) -> None:
        """Open the node `robot_environment`; raise PolyTaskError for a bad parameter."""
        self._wanted: tuple[Pose, float] | None = None
        # What the arm calls the frame of its poses; nothing is shown before it is known.
        self._base = ""
        super().__init__("robot_environment", physical=True)

    def make_world(self) -> RobotWorld:
        """Return the robot as its parameters describe it, and listen to its parts."""
        given = declare_parameters(self, "polytask_xarm_driver.ros", "robot_environment.yaml")
        settings = RobotSettings(
            control_period=given["control_period"],
            image=_picture_size(given["image_height"], given["image_width"]),
            things=given["things"],
            success=given["success"],
            speed=given["reset.speed"],
            turn_speed=given["reset.turn_speed"],
        )
        self._senses = Senses(
            Patience(
                tool=given["limits.tool_age"],
                picture=given["limits.picture_age"],
                scene=given["limits.scene_age"],
                arm=given["limits.arm_age"],
                skew=given["limits.skew"],
            )
        )
        self._pace = Pace(settings.control_period, given["limits.lateness"])
        self._settings = settings
        self._listen()
        self._commands = self.create_publisher(ToolCommand, names.ARM_COMMAND, qos.COMMAND)
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        self._scenes = self.create_client(PrepareScene, names.SCENE_PREPARE)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(given["command_period"], self._command, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)
        self.create_timer(MARKERS_PERIOD, self._mark, clock=steady)
        prepare = self._prepare if given["prepare_scene"] else None
        tasks = read_tasks(find_tasks(given["tasks"]))
        self._markers = Markers(self, tasks.tasks)
        self._robot = RobotWorld(tasks, settings, self._senses, self._aim, prepare)
        return self._robot

    def acquisition_time(self) -> Time:
        """Return the stamp of the newest picture, or of what else the observation rests on."""
        sight = self._robot.sight
        return self.get_clock().now() if sight is None else Time(nanoseconds=int(sight.stamp * 1e9))

    def destroy_node(self) -> None:
        """Stop the robot, take away what people are shown, and end the node."""
        self._robot.close()
        self._markers.clear()
        super().destroy_node()

    def observed(self, header: Any) -> None:
        """Keep an eye on the rhythm of the periods, and show where an episode begins."""
        del header
        now = time.monotonic()
        if self._robot.steps:
            self._pace.tick(now)
        else:
            self._pace.start(now)
            self._markers.begin_way()
            self._mark()

    def _listen(self) -> None:
        settings = self._settings
        self.create_subscription(PoseStamped, names.TOOL_POSE, self._on_tool, qos.SENSOR)
        self.create_subscription(ArmStatus, names.ARM_STATUS, self._on_arm, qos.EVENT)
        if settings.image is not None:
            self.create_subscription(Image, names.CAMERA_IMAGE, self._on_picture, qos.SENSOR)
        if settings.things or settings.success == "scene":
            self.create_subscription(SceneState, names.SCENE_STATE, self._on_scene, qos.SENSOR)
        if settings.success == "operator":
            self.create_subscription(
                OperatorEvent, names.OPERATOR_EVENT, self._on_operator, qos.EVENT
            )

    # What is sensed

    def _on_tool(self, message: PoseStamped) -> None:
        self._base = message.header.frame_id
        self._senses.tool.hear(pose_of(message.pose), _seconds(message))

    def _on_arm(self, message: ArmStatus) -> None:
        fingers = 0.0 if math.isnan(message.opening) else message.opening / 2
        ready = message.phase == ArmStatus.READY
        condition = ArmCondition(ready, message.reason, fingers, message.moving)
        self._senses.arm.hear(condition, _seconds(message))
        if not ready:
            self.interrupt(f"the arm has stopped: {message.reason or 'it does not say why'}")

    def _on_picture(self, message: Image) -> None:
        size = self._settings.image
        if size is not None:
            self._senses.picture.hear(fitted(image_array(message), size), _seconds(message))

    def _on_scene(self, message: SceneState) -> None:
        things = tuple(np.asarray(message.things, np.float64).reshape(-1, 3))
        scene = Scene(message.task, message.success, things, tuple(message.measures))
        self._senses.scene.hear(scene, _seconds(message))

    def _on_operator(self, message: OperatorEvent) -> None:
        if message.event == OperatorEvent.SUCCESS:
            self._robot.accomplish()

    # What is commanded

    def _aim(self, wanted: tuple[Pose, float] | None) -> None:
        self._wanted = wanted
        if wanted is None:
            # Once: should it get lost, the silence that follows says the same a little later.
            self._commands.publish(ToolCommand(rest=True, opening=math.nan))
        self._command()

    def _command(self) -> None:
        if self._wanted is None:
            return
        pose, fingers = self._wanted
        message = ToolCommand(opening=2.0 * fingers)
        message.header.stamp = self.get_clock().now().to_msg()
        fill_pose(message.pose, pose)
        self._commands.publish(message)

    def _prepare(self, task: str, seed: int) -> Callable[[], bool]:
        return ScenePreparation(self._scenes, PrepareScene.Request(task=task, seed=seed)).done

    # What is told of it

    def _mark(self) -> None:
        if not self._base:
            return
        senses, task = self._senses, self._robot.task_name
        step: int | None = None
        things: tuple[Vector, ...] = ()
        if self._turns.open is not None:
            step = self._robot.steps
            with suppress(WorldStopped):
                self._markers.extend_way(senses.tool.newest(senses.patience.tool)[1].position)
        with suppress(WorldStopped):
            scene = senses.scene.newest(senses.patience.scene)[1]
            things = scene.things if scene.task == task else ()
        self._markers.show(self._base, task, step, things)

    def _diagnose(self) -> None:
        senses, pace, sight = self._senses, self._pace, self._robot.sight
        parts: list[tuple[Sensed[Any], float]] = [
            (senses.tool, senses.patience.tool),
            (senses.arm, senses.patience.arm),
        ]
        if self._settings.image is not None:
            parts.append((senses.picture, senses.patience.picture))
        if self._settings.things or self._settings.success == "scene":
            parts.append((senses.scene, senses.patience.scene))
        stale = [
            f"no {part.name} for {part.age:.2f} s" for part, limit in parts if part.age > limit
        ]
        values = {f"age of the {part.name} [s]": f"{part.age:.3f}" for part, _ in parts}
        values["skew of the newest observation [s]"] = f"{sight.skew:.4f}" if sight else "none"
        values["periods"] = str(pace.periods)
        values[f"periods later than {pace.budget:g} s"] = str(pace.late)
        values["worst lateness of a period [s]"] = f"{pace.worst:.4f}"
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if stale else DiagnosticStatus.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: senses",
            message="; ".join(stale) or "everything is seen",
            hardware_id=self._robot.specification.suite,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _seconds(message: Any) -> float:
    stamp = message.header.stamp
    return float(stamp.sec + stamp.nanosec * 1e-9)


def _picture_size(rows: int, columns: int) -> tuple[int, int] | None:
    if bool(rows) != bool(columns):
        raise InvalidSpecification(
            f"image_height is {rows}, image_width {columns}; valid: both at least 1, or both 0"
        )
    return (rows, columns) if rows else None
