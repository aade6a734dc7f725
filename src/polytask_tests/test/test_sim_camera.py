"""The simulated camera over ROS: full-size pictures of the moment, only for those who look."""

import math
import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from polytask_contract.specification import Observations
from polytask_ros import names, qos
from polytask_ros.messages import image_array
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.ros.sim_camera import SimCamera, camera_info
from polytask_sim.suites.metaworld import MetaworldSuite

NAMESPACE = "/watched"
PATIENCE = 20.0


class Viewer(Node):
    """Keeps what the camera publishes."""

    def __init__(self, namespace):
        super().__init__("viewer", namespace=namespace, start_parameter_services=False)
        self.pictures, self.infos = [], []
        self.create_subscription(Image, names.CAMERA_IMAGE, self.pictures.append, qos.SENSOR)
        self.create_subscription(CameraInfo, names.CAMERA_INFO, self.infos.append, qos.SENSOR)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self._executor.spin_once(timeout_sec=0.05)


@pytest.fixture
def viewer():
    initialize()
    node = Viewer(NAMESPACE)
    yield node
    node.destroy_node()
    rclpy.shutdown()


def test_a_viewer_sees_each_moment_at_full_size(viewer):
    command = executable("polytask_sim", "sim_environment")
    parameters = {"suite": "metaworld", "image_height": 0, "image_width": 0, "camera.rate": 1000.0}
    with NodeProcess(command, parameters=parameters, namespace=NAMESPACE):
        environment = RosEnvironment("hammer", namespace=NAMESPACE, timeout=30.0)
        viewer.wait_for(lambda: viewer.count_publishers(f"{NAMESPACE}/{names.CAMERA_IMAGE}"))
        environment.reset(5)
        viewer.wait_for(lambda: viewer.pictures and viewer.infos)
        environment.step([1.0, 1.0, 1.0, 1.0])
        viewer.wait_for(lambda: len(viewer.pictures) > 1)
        environment.close()
    here = MetaworldSuite().make("hammer", 0, Observations(image=None))
    here.reset(5)
    first = image_array(viewer.pictures[0])
    assert first.shape == (480, 640, 3)
    assert np.array_equal(first, here.photograph((480, 640), full=False))
    assert not np.array_equal(first, image_array(viewer.pictures[1]))
    assert viewer.pictures[0].header.frame_id == "camera_optical_frame"
    assert viewer.pictures[0].header == viewer.infos[0].header
    # What is 45 degrees off the axis is as far from the middle as the focal length.
    focal = 240 / math.tan(here.field_of_view / 2)
    assert viewer.infos[0].k.tolist() == pytest.approx([focal, 0, 320, 0, focal, 240, 0, 0, 1])
    here.close()


class Drawn:
    """A world that counts its pictures."""

    field_of_view = None

    def __init__(self):
        self.count = 0

    def photograph(self, size, *, full):
        del full
        self.count += 1
        return np.zeros((*size, 3), np.uint8)


def test_nothing_is_drawn_while_nobody_looks_nor_faster_than_the_rate(viewer):
    world = Drawn()
    camera = SimCamera(viewer, (24, 32), rate=0.1, full=False)
    viewer.wait_for(lambda: viewer.count_publishers(f"{NAMESPACE}/{names.CAMERA_IMAGE}"))
    viewer.wait_for(lambda: camera_is_watched(camera))
    stamp = viewer.get_clock().now().to_msg()
    camera.publish(world, stamp, "frame")
    camera.publish(world, stamp, "frame")
    assert world.count == 1
    viewer.wait_for(lambda: viewer.pictures)
    alone = Node("alone", namespace="/nobody", start_parameter_services=False)
    SimCamera(alone, (24, 32), rate=1000.0, full=False).publish(world, stamp, "frame")
    assert world.count == 1
    alone.destroy_node()


def camera_is_watched(camera):
    return camera._pictures.get_subscription_count()


def test_a_picture_without_perspective_is_not_calibrated():
    info = camera_info((24, 32), None)
    assert (info.height, info.width, info.k[0]) == (24, 32, 0.0)
