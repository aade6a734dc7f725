"""The environment contract over ROS: the same laws as in process."""

import threading
from typing import ClassVar

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from polytask_contract.conformance import EnvironmentContract
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.ros.sim_environment import SimEnvironment

TASK = "north_east"


class TestInOneProcess(EnvironmentContract):
    """Server and client share a process, the server in a thread of its own."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def server(cls):
        initialize()
        node = SimEnvironment()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        yield
        executor.shutdown()
        thread.join()
        node.destroy_node()
        rclpy.shutdown()

    def make(self, seed):
        return RosEnvironment(TASK, seed)


class TestAcrossProcesses(EnvironmentContract):
    """The server is a process of its own, as on a robot."""

    parameters: ClassVar = {"image_height": 48, "image_width": 64}
    namespace = "/across"
    task = TASK

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def server(cls):
        command = executable("polytask_sim", "sim_environment")
        with NodeProcess(command, parameters=cls.parameters, namespace=cls.namespace):
            yield

    def make(self, seed):
        return RosEnvironment(self.task, seed, namespace=self.namespace, timeout=30.0)


class TestMetaworldAcrossProcesses(TestAcrossProcesses):
    """A simulator with pictures."""

    parameters: ClassVar = {"suite": "metaworld"}
    namespace = "/metaworld"
    task = "hammer"


class TestDmcAcrossProcesses(TestAcrossProcesses):
    """State alone."""

    parameters: ClassVar = {"suite": "dmc", "image_height": 0, "image_width": 0}
    namespace = "/dmc"
    task = "torso-4"


class TestKitchenAcrossProcesses(TestAcrossProcesses):
    """State alone, and nine values in an action."""

    parameters: ClassVar = {"suite": "kitchen", "image_height": 0, "image_width": 0}
    namespace = "/kitchen"
    task = "kettle"
    steps = 6


class TestXarmAcrossProcesses(TestAcrossProcesses):
    """Contacts of many free bodies, with pictures."""

    parameters: ClassVar = {"suite": "xarm"}
    namespace = "/xarm"
    task = "insert-yellow"
