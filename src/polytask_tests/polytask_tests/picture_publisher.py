"""A node that publishes pictures as badly as it is told: a camera's or a renderer's stand-in.

    python -m polytask_tests.picture_publisher

It obeys lines on its standard input, and ends with it:

    rate HZ        so many pictures a second, 10 at first
    picture new    each unlike the one before, as at first
    picture still  the same each time, with a new stamp, as of a scene in which nothing moves
    picture old    the last one again and again, with its old stamp
    picture plain  new ones without a stamp
    picture late   new ones that are stamped an hour ago
    encoding NAME  another encoding than rgb8
"""

import contextlib
import select
import sys

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from polytask_ros import names, qos
from polytask_ros.messages import image_message
from polytask_ros.runtime import initialize

SIZE = (24, 32)


class PicturePublisher(Node):  # type: ignore[misc]  # rclpy is not typed
    """Publishes small pictures where a rendered scene's would be."""

    def __init__(self) -> None:
        """Open the node `picture_publisher`."""
        super().__init__("picture_publisher")
        self._publisher = self.create_publisher(Image, names.SCENE_IMAGE, qos.SENSOR)
        self._orders = {"rate": "10", "picture": "new", "encoding": "rgb8"}
        self._count = 0
        self._last = Image()

    def obey(self, order: str) -> None:
        """Take an order, such as 'rate 5'."""
        name, value = order.split()
        self._orders[name] = value

    @property
    def period(self) -> float:
        """The time between two pictures [s]."""
        return 1.0 / float(self._orders["rate"])

    def publish(self) -> None:
        """Publish one picture, as the orders are."""
        kind = self._orders["picture"]
        if kind != "old":
            self._count += kind != "still"
            self._last = image_message(np.full((*SIZE, 3), self._count % 256, np.uint8))
            if kind != "plain":
                self._last.header.stamp = self.get_clock().now().to_msg()
            if kind == "late":
                self._last.header.stamp.sec -= 3600
        self._last.encoding = self._orders["encoding"]
        self._publisher.publish(self._last)


def main() -> None:
    """Publish until the standard input ends."""
    initialize(sys.argv)
    publisher = PicturePublisher()
    # Unbuffered, or a line that was read ahead would wait for the next.
    with open(0, "rb", buffering=0) as orders, contextlib.suppress(KeyboardInterrupt):
        while True:
            ready, _, _ = select.select([orders], [], [], publisher.period)
            if ready:
                line = orders.readline().decode()
                if not line:
                    break
                publisher.obey(line)
            publisher.publish()


if __name__ == "__main__":
    main()
