"""Who stands by an emulated arm, as a person stands by a real one."""

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from polytask_msgs.action import RecoverArm
from polytask_msgs.msg import ArmStatus
from polytask_ros import names, qos
from polytask_ros.greeting import Greeting
from polytask_ros.runtime import initialize, own_name

# An arm that could not be recovered is tried again after so long [s].
RETRY_PERIOD = 2.0


class ArmOperator:
    """Recovers an arm whenever it has stopped, in a thread of its own, and tells it to `say`.

    Only for an arm that is emulated: beside a real one, a person looks first at why it stopped.
    """

    def __init__(self, namespace: str, say: Callable[[str], None]) -> None:
        """Stand by the arm in `namespace`, which need not be there yet."""
        # What was said since the arm took commands.
        self._say, self._said = say, set[str]()
        self._recovers, self._due = False, 0.0
        self._context = Context()
        initialize(context=self._context)
        self._node: Any = rclpy.create_node(
            **own_name("arm_operator", namespace),
            context=self._context,
            start_parameter_services=False,
        )
        self._client = ActionClient(self._node, RecoverArm, names.ARM_RECOVER)
        self._greeting = Greeting(self._node, names.ARM_RECOVER)
        # The newest only: what was stopped before a recovery is not stopped any more.
        self._node.create_subscription(ArmStatus, names.ARM_STATUS, self._on_status, qos.LATCHED)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Go away; a recovery that is under way is the arm's own affair."""
        self._executor.shutdown()
        self._thread.join()
        self._client.destroy()
        self._greeting.close()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _on_status(self, status: ArmStatus) -> None:
        if status.phase != ArmStatus.STOPPED or self._recovers or time.monotonic() < self._due:
            return
        if not self._greeting.is_answered():
            return
        self._recovers = True
        sending = self._client.send_goal_async(RecoverArm.Goal())
        sending.add_done_callback(lambda sent: self._await(sent, status.reason))

    def _await(self, sent: Future, reason: str) -> None:
        result = sent.result().get_result_async()
        result.add_done_callback(lambda done: self._tell(done.result().result, reason))

    def _tell(self, result: Any, reason: str) -> None:
        self._recovers, self._due = False, time.monotonic() + RETRY_PERIOD
        if result.code == RecoverArm.Result.BUSY:
            return
        recovered = result.code == RecoverArm.Result.SUCCESS
        outcome = "it was recovered" if recovered else f"it cannot be recovered: {result.message}"
        said = f"the arm had stopped: {reason}; {outcome}"
        # What lasts is said once; what happens again is said again.
        if said not in self._said:
            self._say(said)
        self._said = set() if recovered else self._said | {said}
