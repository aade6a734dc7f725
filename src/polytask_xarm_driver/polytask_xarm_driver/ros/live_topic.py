"""A topic that viewers are shown: subscribed to, undecoded, while one of them looks at it."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from polytask_xarm_driver.ros.raw_topics import common_profile, message_class

# Called with a message's bytes and when it arrived [ns].
Show = Callable[[bytes, int], None]
# Messages of a reliable topic that may wait for this node: several nodes may speak at once.
QUEUE = 10


class LiveTopic:
    """The subscription to one topic, or none.

    Where messages may get lost on the way anyway, as pictures and joints may, only the newest is
    kept.
    """

    def __init__(self, node: Node, topic: str, kind: str, show: Show) -> None:
        """Prepare for `topic`, a full name, of a type that is installed; nothing is heard yet."""
        self._node, self._topic, self.kind, self._show = node, topic, kind, show
        self._class = message_class(kind)
        self._profile: QoSProfile | None = None
        self._subscription: Any = None
        self._latched: tuple[bytes, int] | None = None

    def follow(self, *, wanted: bool) -> None:
        """Listen if it is `wanted`, in a way that suits those who publish now; or do not."""
        if not wanted:
            self.close()
            return
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        if not publishers:
            # Whoever comes back may publish otherwise, and is asked then.
            return
        profile = common_profile(publishers, QUEUE)
        if profile.reliability == ReliabilityPolicy.BEST_EFFORT:
            profile.depth = 1
        if profile != self._profile:
            self.close()
            self._profile = profile
            self._subscription = self._node.create_subscription(
                self._class, self._topic, self._take, profile, raw=True
            )

    def repeat_latched(self) -> None:
        """Show what was said once and still holds: somebody who looks now has not seen it."""
        if self._latched is not None:
            self._show(*self._latched)

    def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._profile = self._subscription = self._latched = None

    def _take(self, data: bytes, info: dict[str, int]) -> None:
        arrived = info["received_timestamp"]
        profile = self._profile
        if profile is not None and profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
            self._latched = (data, arrived)
        self._show(data, arrived)
