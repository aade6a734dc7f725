"""Waiting for a few subscriptions without an executor.

An executor visits everything its nodes have, in Python, each time it waits; here the subscriptions
alone are waited for, as rclpy.wait_for_message does it, but again and again. This is most of the
difference between a step over ROS and its bare transport.
"""

from collections.abc import Sequence
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile


class Inbox:
    """Subscriptions of a node, each with the list of messages that have come and were not taken.

    Messages also arrive while an executor spins the node.
    """

    def __init__(self, node: Node, topics: Sequence[tuple[Any, str, QoSProfile]]) -> None:
        """Subscribe to `topics`, each a message type, a name and a profile."""
        self.messages: list[list[Any]] = [[] for _ in topics]
        self.subscriptions = [
            node.create_subscription(kind, name, messages.append, profile)
            for (kind, name, profile), messages in zip(topics, self.messages, strict=True)
        ]
        self._wait_set = rclpy_implementation.WaitSet(
            len(topics), 0, 0, 0, 0, 0, node.context.handle
        )

    def wait(self, seconds: float) -> None:
        """Wait until a message comes or `seconds` have passed; collect what has come."""
        wait_set = self._wait_set
        wait_set.clear_entities()
        for subscription in self.subscriptions:
            wait_set.add_subscription(subscription.handle)
        wait_set.wait(int(seconds * 1e9))
        ready = wait_set.get_ready_entities("subscription")
        for subscription, messages in zip(self.subscriptions, self.messages, strict=True):
            while subscription.handle.pointer in ready:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
                if taken is None:
                    break
                messages.append(taken[0])
