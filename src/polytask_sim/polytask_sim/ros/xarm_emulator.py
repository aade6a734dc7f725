"""The emulated xArm 7 as a node: its scene for everybody, and what can go wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image

from polytask_contract.errors import PolyTaskError, UnknownName
from polytask_msgs.msg import SceneState
from polytask_msgs.srv import PrepareScene
from polytask_ros import names, qos
from polytask_ros.messages import image_message, packed
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_sim.emulator.emulator import Emulator
from polytask_sim.emulator.errors import EmulatorBusy
from polytask_sim.ros.scene_camera import SceneCamera

STATE_PERIOD = 0.05
WATCH_PERIOD = 1.0
FAULTS = "faults."


class EmulatorEnded(PolyTaskError):
    """A thread of the emulator ended by itself."""


class XarmEmulator(Node):  # type: ignore[misc]  # rclpy is not typed
    """Runs an emulator; clients of the arm talk to its sockets, not to this node."""

    def __init__(self) -> None:
        """Open the node `xarm_emulator`; raise PolyTaskError for what is not valid or not free."""
        super().__init__("xarm_emulator")
        settings = declare_parameters(self, "polytask_sim.ros", "xarm_emulator.yaml")
        refuse_undeclared(self)
        self._emulator = Emulator(
            settings["address"], settings["firmware"], settings["task"], settings["seed"]
        )
        self._frame = settings["camera.frame_id"]
        size = (settings["camera.height"], settings["camera.width"])
        self._camera = SceneCamera(self._emulator, size)
        self._lost = 0.0
        self._open_interfaces(settings["camera.rate"])
        self._switches = _switches(self._emulator)
        self._apply(settings)
        self.add_post_set_parameters_callback(self._on_parameters)
        self.get_logger().info(
            f"an xArm 7 with firmware {settings['firmware']} is at {settings['address']}"
        )

    def _open_interfaces(self, camera_rate: float) -> None:
        self._images = self.create_publisher(Image, names.SCENE_IMAGE, qos.SENSOR)
        self._states = self.create_publisher(SceneState, names.SCENE_STATE, qos.SENSOR)
        self.create_service(PrepareScene, names.SCENE_PREPARE, self._on_prepare)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(STATE_PERIOD, self._publish_state, clock=steady)
        self.create_timer(1 / camera_rate, self._publish_image, clock=steady)
        self.create_timer(WATCH_PERIOD, self._watch, clock=steady)

    def destroy_node(self) -> None:
        """End the emulator, then the node."""
        self._camera.close()
        self._emulator.close()
        super().destroy_node()

    # The scene

    def _publish_state(self) -> None:
        if not self._states.get_subscription_count():
            return
        with self._emulator.held() as robot:
            stamp = self.get_clock().now().to_msg()
            task, reading = robot.world.task.name, robot.world.read()
        message = SceneState(task=task, success=bool(reading.accomplished))
        message.header.stamp = stamp
        message.things = packed(np.asarray(reading.things, np.float32), "f")
        message.measures = packed(np.asarray(reading.measures, np.float32), "f")
        self._states.publish(message)

    def _publish_image(self) -> None:
        if not self._images.get_subscription_count():
            return
        stamp = self.get_clock().now().to_msg()
        message = image_message(self._camera.draw())
        message.header.stamp, message.header.frame_id = stamp, self._frame
        self._images.publish(message)

    def _on_prepare(self, request: Any, response: Any) -> Any:
        try:
            self._emulator.prepare(request.task, request.seed)
        except EmulatorBusy as busy:
            response.code, response.message = PrepareScene.Response.BUSY, str(busy)
        except UnknownName as unknown:
            response.code, response.message = PrepareScene.Response.UNKNOWN_TASK, str(unknown)
        else:
            response.code = PrepareScene.Response.SUCCESS
        return response

    def _watch(self) -> None:
        if not self._emulator.alive:
            raise EmulatorEnded("the emulator ended by itself; its last words are above")
        lost = self._emulator.lost_time
        if lost > self._lost:
            self.get_logger().warning(
                f"the world fell {lost - self._lost:.2f} s behind real time, {lost:.2f} s in all"
            )
        self._lost = lost

    # What goes wrong

    def _on_parameters(self, parameters: list[Any]) -> None:
        self._apply({parameter.name: parameter.value for parameter in parameters})

    def _apply(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name.startswith(FAULTS):
                self._switches[name.removeprefix(FAULTS)](value)


def _switches(emulator: Emulator) -> dict[str, Callable[[Any], None]]:
    """Return what each parameter of the group `faults` does when it is set."""

    def if_set(perform: Callable[[], None]) -> Callable[[Any], None]:
        return lambda value: perform() if value else None

    def sets(name: str) -> Callable[[Any], None]:
        return lambda value: setattr(emulator.faults, name, value)

    return {
        "drop_control": if_set(emulator.drop_control),
        "drop_reports": if_set(emulator.drop_reports),
        "stall_control": sets("stall_control"),
        "stall_reports": sets("stall_reports"),
        "answer_delay": sets("answer_delay"),
        "corrupt_frames": sets("corrupt_frames"),
        "error": lambda value: emulator.fail(value) if value else None,
        "emergency_stop": lambda value: emulator.press_emergency_stop(pressed=value),
        "refuse_enable": lambda value: emulator.refuse_enable(refuse=value),
    }
