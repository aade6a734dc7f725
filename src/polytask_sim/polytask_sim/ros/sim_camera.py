"""A simulated world's camera, at full size, beside what the policy observes."""

import math
import time
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from polytask_contract.suites import Photographed
from polytask_ros import names, qos
from polytask_ros.messages import image_message


class SimCamera:
    """Publishes pictures and their calibration while somebody subscribes to them."""

    def __init__(self, node: Node, size: tuple[int, int], rate: float, *, full: bool) -> None:
        """Offer pictures of `size` (rows, columns), at most `rate` a second [Hz], lean or full."""
        self._size, self._full = size, full
        self._period = 1.0 / rate
        self._due = 0.0
        self._pictures = node.create_publisher(Image, names.CAMERA_IMAGE, qos.SENSOR)
        self._infos = node.create_publisher(CameraInfo, names.CAMERA_INFO, qos.SENSOR)

    def publish(self, world: Photographed, stamp: Any, frame: str) -> None:
        """Publish what `world` shows now, unless nobody looks or the last picture is too recent."""
        now = time.monotonic()
        watched = self._pictures.get_subscription_count() or self._infos.get_subscription_count()
        if not watched or now < self._due:
            return
        self._due = now + self._period
        picture = image_message(world.photograph(self._size, full=self._full))
        info = camera_info(self._size, world.field_of_view)
        for message, publisher in ((picture, self._pictures), (info, self._infos)):
            message.header.stamp, message.header.frame_id = stamp, frame
            publisher.publish(message)


def camera_info(size: tuple[int, int], field_of_view: float | None) -> CameraInfo:
    """Return the calibration of an ideal camera of `field_of_view` (vertical) [rad].

    Without one every number is 0, which CameraInfo defines as not calibrated.
    """
    rows, columns = size
    info = CameraInfo(height=rows, width=columns)
    if field_of_view is None:
        return info
    focal = rows / (2 * math.tan(field_of_view / 2))
    info.distortion_model, info.d = "plumb_bob", [0.0] * 5
    matrix = np.array([[focal, 0, columns / 2], [0, focal, rows / 2], [0, 0, 1]])
    info.k = matrix.ravel()
    info.r = np.eye(3).ravel()
    info.p = np.column_stack([matrix, np.zeros(3)]).ravel()
    return info
