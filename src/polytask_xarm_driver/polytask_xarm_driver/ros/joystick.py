"""A gamepad over ROS."""

import array
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from polytask_ros import names, qos
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_xarm_driver.joystick.evdev_source import open_gamepad
from polytask_xarm_driver.joystick.gamepad import Gamepad
from polytask_xarm_driver.joystick.source import Source

DIAGNOSTICS_PERIOD = 1.0
# The frame that ROS's own `joy` names.
FRAME = "joy"


class Joystick(Node):  # type: ignore[misc]  # rclpy is not typed
    """Publishes how a gamepad stands, as ROS's `joy_node` does; nothing once it is unplugged."""

    def __init__(self, find: Callable[[str], Source] = open_gamepad) -> None:
        """Open the node `joystick`; `find` opens the pad that the parameter `device` names."""
        super().__init__("joystick")
        settings = declare_parameters(self, "polytask_xarm_driver.ros", "joystick.yaml")
        refuse_undeclared(self)
        self._device: str = settings["device"]
        self._gamepad = Gamepad(lambda: find(self._device), settings["deadzone"], settings["rate"])
        self._rate: float = settings["rate"]
        self._told = ""
        self._joys = self.create_publisher(Joy, names.JOY, qos.EVENT)
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(settings["coalesce_interval"], self._on_read, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)

    def destroy_node(self) -> None:
        """Let go of the gamepad, then end the node."""
        self._gamepad.close()
        super().destroy_node()

    def _on_read(self) -> None:
        standing = self._gamepad.poll()
        if standing is not None:
            message = Joy(
                axes=array.array("f", standing.axes), buttons=array.array("i", standing.buttons)
            )
            message.header.stamp = self.get_clock().now().to_msg()
            message.header.frame_id = FRAME
            self._joys.publish(message)
        self._tell()

    def _tell(self) -> None:
        """Say it at once when the gamepad comes or goes."""
        problem = self._gamepad.problem
        told = problem or f"{self._gamepad.name} is connected"
        if told == self._told:
            return
        self._told = told
        # rclpy wants each place in the source to log at one level.
        if problem:
            self.get_logger().warning(told)
        else:
            self.get_logger().info(told)
        self._diagnose()

    def _diagnose(self) -> None:
        pad = self._gamepad
        status = DiagnosticStatus(
            level=DiagnosticStatus.ERROR if pad.problem else DiagnosticStatus.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: gamepad",
            message=pad.problem or "connected",
            hardware_id=pad.name,
            values=[
                KeyValue(key="device", value=pad.place),
                KeyValue(key="asked for", value=self._device or "the first gamepad"),
                KeyValue(key="rate [1/s]", value=f"{self._rate:g}"),
            ],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
