"""The pictures of another node, in the place of a camera."""

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Image

from polytask_ros import names, qos
from polytask_xarm_driver.camera.encodings import rgb_picture
from polytask_xarm_driver.camera.errors import CameraError
from polytask_xarm_driver.camera.frame import Frame


class CameraTopic:
    """Takes pictures from a topic as they come; nothing is read between the node's other duties."""

    def __init__(
        self,
        node: Node,
        topic: str,
        deliver: Callable[[Frame], None],
        refuse: Callable[[CameraError], None],
    ) -> None:
        """Give pictures on `topic` to `deliver`, and to `refuse` why one cannot be used.

        Raise CameraError when `topic` is where `node` publishes its own.
        """
        self._node, self._deliver, self._refuse = node, deliver, refuse
        self._topic = node.resolve_topic_name(topic)
        if self._topic == node.resolve_topic_name(names.CAMERA_IMAGE):
            raise CameraError(
                f"topic {self._topic} is where the camera itself publishes; valid: any other"
            )
        self.description = f"topic {self._topic}"
        # As for a command, only the newest counts: a queue would only make pictures late.
        node.create_subscription(Image, topic, self._on_image, qos.COMMAND)

    def remark(self) -> str:
        """Return what is odd about who publishes; empty when nothing is."""
        count = self._node.count_publishers(self._topic)
        if count == 0:
            return f"nobody publishes on {self._topic}"
        return f"{count} nodes publish on {self._topic}; valid: one" if count > 1 else ""

    def _on_image(self, message: Image, info: dict[str, Any]) -> None:
        size = (message.height, message.width)
        try:
            picture = rgb_picture(message.data, size, message.step, message.encoding)
        except CameraError as error:
            self._refuse(error)
            return
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        number = info["publication_sequence_number"]
        # A stamp of 0 is one that was never set.
        stated = stamp if stamp > 0 else None
        self._deliver(Frame(picture, number, time.monotonic(), stamp=stated))
