"""A person with a joystick as the one who acts in an environment."""

import array
import time
from collections.abc import Iterable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import String

from polytask_contract.environment import Turn
from polytask_msgs.msg import Action, EnvironmentSpec, Observation, OperatorEvent
from polytask_ros import names, qos
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_ros.runtime import let_arrive
from polytask_xarm_driver.teleop.mapping_file import load_mapping
from polytask_xarm_driver.teleop.orders import Act, Halt, Order, Word
from polytask_xarm_driver.teleop.pilot import Pilot
from polytask_xarm_driver.teleop.sample import Sample

# How often the time is looked at; so much later than `joy_timeout` a silence may be noticed [s].
TICK = 0.01
EVENTS = {
    Word.START: OperatorEvent.START,
    Word.SUCCESS: OperatorEvent.SUCCESS,
    Word.CANCEL: OperatorEvent.CANCEL,
}


class Teleop(Node):  # type: ignore[misc]  # rclpy is not typed
    """Answers an environment's turns by a joystick, halts it, and tells what the operator says.

    It never resets: who records, or another client, begins an episode.
    """

    def __init__(self) -> None:
        """Open the node `teleop`; raise PolyTaskError for a bad parameter or mapping."""
        super().__init__("teleop")
        settings = declare_parameters(self, "polytask_xarm_driver.ros", "teleop.yaml")
        refuse_undeclared(self)
        mapping = load_mapping(settings["mapping"])
        self._pilot = Pilot(mapping, settings["joy_timeout"], settings["centre"])
        self._actions = self.create_publisher(Action, names.ACTION, qos.TURN)
        self._halts = self.create_publisher(String, names.HALT, qos.EVENT)
        self._events = self.create_publisher(OperatorEvent, names.OPERATOR_EVENT, qos.EVENT)
        self.create_subscription(EnvironmentSpec, names.SPEC, self._on_spec, qos.LATCHED)
        self.create_subscription(Observation, names.OBSERVATION, self._on_observation, qos.TURN)
        # Best effort meets publishers of both kinds; what is lost is said again within 0.05 s.
        self.create_subscription(Joy, names.JOY, self._on_joy, qos.SENSOR)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(TICK, self._on_tick, clock=steady)
        self.get_logger().info(
            f"mapping {mapping.name} ({mapping.pad}), speed {self._pilot.speed:g}"
        )

    def destroy_node(self) -> None:
        """Halt what was steered, then end the node."""
        self._obey(self._pilot.end(time.monotonic()))
        let_arrive(self._halts)
        super().destroy_node()

    def _on_spec(self, message: Any) -> None:
        realtime = message.pacing == EnvironmentSpec.REALTIME
        self._pilot.meet(message.action_size, realtime, message.control_period)

    def _on_observation(self, message: Any) -> None:
        turn = Turn(message.episode, message.step)
        last = message.step_type == Observation.LAST
        self._obey(self._pilot.see(turn, last, time.monotonic()))

    def _on_joy(self, message: Any) -> None:
        stamp = message.header.stamp
        sample = Sample(
            tuple(message.axes), tuple(message.buttons), stamp.sec * 10**9 + stamp.nanosec
        )
        speed = self._pilot.speed
        self._obey(self._pilot.hear(sample, time.monotonic()))
        if self._pilot.speed != speed:
            self.get_logger().info(f"speed {self._pilot.speed:g}")

    def _on_tick(self) -> None:
        self._obey(self._pilot.tick(time.monotonic()))

    def _obey(self, orders: Iterable[Order]) -> None:
        for order in orders:
            if isinstance(order, Halt):
                self._halts.publish(String(data=order.reason))
                self.get_logger().warning(f"halted: {order.reason}")
            elif isinstance(order, Act):
                message = Action(episode=order.turn.episode, step=order.turn.step)
                message.resent = order.resent
                message.values = array.array("f", order.values)
                self._actions.publish(message)
            else:
                event = OperatorEvent(event=EVENTS[order.word])
                event.header.stamp = self.get_clock().now().to_msg()
                self._events.publish(event)
                self.get_logger().info(f"the operator says: {order.word.value}")
