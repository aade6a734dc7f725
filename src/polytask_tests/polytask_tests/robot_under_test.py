"""A whole robot: the nodes that a lab runs, each a process, and the emulator instead of an arm.

    with RobotUnderTest("/lab") as robot:
        robot.recover()

With POLYTASK_ROBOT set to the address of a controller it is the real arm there: keep a hand on the
emergency stop.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import rclpy
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.time import Time

from polytask_msgs.action import RecoverArm
from polytask_msgs.msg import ArmStatus, Observation
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_tests.asking import action_client, ask

REAL_ADDRESS = os.environ.get("POLYTASK_ROBOT", "")
PATIENCE = 60.0
STDERR = 2
DRIVER = "polytask_xarm_driver"
# How long a robot bears with silence whose machine has more to do than a robot's, as in tests [s].
UNHURRIED: Mapping[str, Mapping[str, Any]] = {
    "arm": {"feedback_timeout": 2.0},
    "environment": {
        "limits.tool_age": 2.0,
        "limits.arm_age": 2.0,
        "limits.picture_age": 2.0,
        "limits.scene_age": 2.0,
        "limits.skew": 0.5,
    },
}
_numbers = itertools.cycle(range(1, 251))


def free_address() -> str:
    """Return a loopback address that no other robot of this run has, nor another run."""
    return f"127.1.{os.environ.get('ROS_DOMAIN_ID', '0')}.{next(_numbers)}"


def is_after(message: Any, moment: Time) -> bool:
    """Tell whether a message was stamped after `moment`: older ones may wait in a queue."""
    return bool(Time.from_msg(message.header.stamp).nanoseconds > moment.nanoseconds)


class RobotUnderTest:
    """Emulator, arm, camera and environment in a namespace, watched by a node of its own.

    Parts are named `emulator`, `arm`, `camera` and `environment`; `parameters` are theirs by these
    names, over those of a robot whose scene tells everything. `teleop` is a part that waits to be
    started. Without `pictures` no camera is
    started, and observations are states. Of the `kind` "sim" it is the simulated environment alone.
    """

    def __init__(
        self,
        namespace: str,
        *,
        kind: str = "emulated",
        waits: bool = True,
        pictures: bool = False,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare the robot; entering the context starts it."""
        self.namespace, self.address = namespace, REAL_ADDRESS or free_address()
        size = {} if pictures else {"image_height": 0, "image_width": 0}
        self._parameters: dict[str, dict[str, Any]] = {
            "emulator": {"address": self.address},
            "arm": {"address": self.address, "autostart": True},
            "camera": {"source": "topic", "rate": 15.0},
            "teleop": {},
            "environment": {"success": "scene", "things": True, "prepare_scene": True, **size},
        }
        if kind == "sim":
            self._parameters["simulation"] = {"suite": "xarm"} | size
        for part, given in (parameters or {}).items():
            self._parameters[part].update(given)
        self._parts = ["emulator", *(["camera"] if pictures else []), "environment", "arm"]
        if REAL_ADDRESS:
            # Nobody draws or judges a real scene; somebody has prepared it.
            self._parts = ["environment", "arm"]
            real = {"success": "none", "things": False, "prepare_scene": False}
            self._parameters["environment"].update(real, image_height=0, image_width=0)
        if kind == "sim":
            self._parts = ["simulation"]
        self._waits = waits
        self.processes: dict[str, NodeProcess] = {}
        self.statuses: list[ArmStatus] = []
        self.poses: list[tuple[float, PoseStamped]] = []
        self.observations: list[Observation] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "RobotUnderTest":
        """Start everything; where it `waits`, also until the arm takes commands."""
        self._open()
        try:
            for part in self._parts:
                # It alone waits for another: an arm connects once.
                if part == "arm" and "emulator" in self.processes:
                    self._wait_for_emulator()
                self.start(part)
            if "arm" in self._parts and self._waits:
                self.until(lambda: self.phase == ArmStatus.READY)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every process, the emulator last: an arm says goodbye to it."""
        for part, process in self.processes.items():
            if part != "emulator":
                # Told at once, they end together, and are waited for one after another.
                process.signal(signal.SIGINT)
        self._stack.close()
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def start(self, part: str, **parameters: Any) -> NodeProcess:
        """Start a part, perhaps again, with further `parameters`."""
        package, name = {
            "emulator": ("polytask_sim", "xarm_emulator"),
            "arm": (DRIVER, "arm"),
            "camera": (DRIVER, "camera"),
            "environment": (DRIVER, "robot_environment"),
            "teleop": (DRIVER, "teleop"),
            "simulation": ("polytask_sim", "sim_environment"),
        }[part]
        given = {**self._parameters[part], **parameters}
        # The maker's SDK prints; what a benchmark prints is the benchmark's own.
        process = NodeProcess(
            executable(package, name), parameters=given, namespace=self.namespace, stdout=STDERR
        )
        self.processes[part] = self._stack.enter_context(process)
        return process

    def set_fault(self, name: str, value: Any) -> None:
        """Switch one of the emulator's faults."""
        place = "xarm_emulator/set_parameters"
        parameter = Parameter(f"faults.{name}", value=value).to_parameter_msg()
        question = SetParameters.Request(parameters=[parameter])
        (result,) = self.ask("xarm_emulator", SetParameters, place, question).results
        if not result.successful:
            raise ValueError(f"fault {name}: {result.reason}")

    def recover(self) -> Any:
        """Ask for a recovery and return its result."""
        with action_client(self._node, self.until, RecoverArm, names.ARM_RECOVER) as client:
            sending = client.send_goal_async(RecoverArm.Goal())
            self.until(sending.done)
            ending = sending.result().get_result_async()
            self.until(ending.done)
            return ending.result().result

    def ask(self, server: str, kind: Any, name: str, question: Any) -> Any:
        """Return the answer of a service of the node `server`."""
        return ask(self._node, self.until, server, kind, name, question)

    def make_ready(self) -> None:
        """Recover the arm until it takes commands: a pause of the machine may have stopped it."""

        def ready() -> bool:
            if self.newer_status(self._node.get_clock().now()).phase == ArmStatus.READY:
                return True
            self.recover()
            return False

        self.until(ready)

    def newer_status(self, moment: Time) -> ArmStatus:
        """Wait for a status that was stamped after `moment`, and return it."""

        def newer() -> bool:
            return bool(self.statuses) and is_after(self.statuses[-1], moment)

        self.until(newer)
        return self.statuses[-1]

    @property
    def phase(self) -> int | None:
        """The arm's phase by its newest status."""
        return self.statuses[-1].phase if self.statuses else None

    @property
    def node(self) -> Any:
        """The node that watches, for what else is to be published or asked."""
        return self._node

    def spin(self, seconds: float) -> None:
        """Take note of what comes, for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def until(self, done: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Take note of what comes until `done` returns something true, and return that."""
        deadline = time.monotonic() + patience
        while not (answer := done()):
            if time.monotonic() > deadline:
                newest = self.statuses[-1] if self.statuses else "no status"
                raise TimeoutError(f"not within {patience:g} s; the arm said {newest}")
            self._executor.spin_once(timeout_sec=0.05)
        return answer

    def _open(self) -> None:
        self._context = Context()
        initialize(context=self._context)
        node: Any = rclpy.create_node("watch", namespace=self.namespace, context=self._context)
        self._node = node
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        node.create_subscription(ArmStatus, names.ARM_STATUS, self.statuses.append, qos.EVENT)
        node.create_subscription(
            PoseStamped,
            names.TOOL_POSE,
            lambda message: self.poses.append((time.monotonic(), message)),
            qos.SENSOR,
        )
        node.create_subscription(Observation, names.OBSERVATION, self.observations.append, qos.TURN)

    def _wait_for_emulator(self) -> None:
        node = f"{self.namespace}/xarm_emulator"

        def up() -> bool:
            pairs = self._node.get_node_names_and_namespaces()
            return node in {f"{namespace.rstrip('/')}/{name}" for name, namespace in pairs}

        self.until(up)
