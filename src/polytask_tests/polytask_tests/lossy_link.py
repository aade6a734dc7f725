"""A link that loses things: passes turns of an environment on to `lossy/…`, and loses every third.

    python -m polytask_tests.lossy_link

A client whose observations and actions are remapped to `lossy/observation` and `lossy/action` plays
over it. What is sent again passes, as it would sooner or later.
"""

from typing import Any

from rclpy.node import Node

from polytask_msgs.msg import Action, Observation
from polytask_ros import names, qos
from polytask_ros.runtime import run_node

LOST = 3
OBSERVATION = "lossy/observation"
ACTION = "lossy/action"


class LossyLink(Node):  # type: ignore[misc]  # rclpy is not typed
    """Loses the first copy of every third observation and of every third action."""

    def __init__(self) -> None:
        """Open the link in both directions."""
        super().__init__("lossy_link")
        self._lost: set[Any] = set()
        self._pass(Observation, names.OBSERVATION, OBSERVATION, remainder=1)
        self._pass(Action, ACTION, names.ACTION, remainder=2)

    def _pass(self, kind: Any, source: str, target: str, remainder: int) -> None:
        publisher = self.create_publisher(kind, target, qos.TURN)

        def on_message(message: Any) -> None:
            copy = (kind, message.episode, message.step)
            if message.step % LOST == remainder and copy not in self._lost:
                self._lost.add(copy)
                self.get_logger().info(f"lost {kind.__name__} {message.step}")
            else:
                publisher.publish(message)

        self.create_subscription(kind, source, on_message, qos.TURN)


if __name__ == "__main__":
    run_node(LossyLink)
