"""A node that is given something long to do, one goal at a time."""

import abc
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.action import ActionServer, CancelResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from polytask_contract.errors import PolyTaskError
from polytask_learning.ros.learning_report import LearningReport
from polytask_learning.ros.work import Cancelled, Work
from polytask_msgs.msg import LearningStatus
from polytask_ros import names, qos
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_ros.runtime import let_arrive

# How often a node looks whether its work is done, and how often it says where that stands [s].
HEARTBEAT = 0.1
TELLING_PERIOD = 0.5
LEVELS = {
    LearningStatus.FAILED: DiagnosticStatus.ERROR,
    LearningStatus.WAITING: DiagnosticStatus.WARN,
}
SAID = {
    getattr(LearningStatus, name): name.lower()
    for name in (
        *("IDLE", "CLONING", "LEARNING", "EVALUATING", "RELABELLING", "DISTILLING"),
        *("WAITING", "FINISHED", "FAILED"),
    )
}


class LongGoalNode(Node, abc.ABC):  # type: ignore[misc]  # rclpy is not typed
    """Base of nodes that learn: what is asked for is computed in a thread, which can be cancelled.

    A goal whose run was broken off, by a cancel or a kill, goes on where it was when it is sent
    again.
    """

    # The action's type, and which errors answer with which code; the first that fits counts.
    action: ClassVar[Any]
    codes: ClassVar[tuple[tuple[type[Exception], int], ...]]

    def __init__(self, name: str, goals: str, standing: str) -> None:
        """Open the node `name`, with the action `goals` and the topic `standing`.

        Its parameters are in `<name>.yaml`; raise InvalidParameter for a bad one.
        """
        super().__init__(name)
        self.settings = declare_parameters(self, "polytask_learning.ros", f"{name}.yaml")
        refuse_undeclared(self)
        self._work: Work[Any] | None = None
        self._handle: Any = None
        self._report = LearningReport()
        self._statuses = self.create_publisher(LearningStatus, standing, qos.LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        self._goals = ActionServer(
            self,
            self.action,
            goals,
            execute_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT, lambda: None, clock=steady)
        self.create_timer(TELLING_PERIOD, self._tell, clock=steady)

    @abc.abstractmethod
    def compute(self, goal: Any, work: Work[Any], report: LearningReport) -> Any:
        """Do what `goal` asks for and return the result but for its code; a thread calls this."""

    @abc.abstractmethod
    def described(self, goal: Any) -> str:
        """Return what `goal` asks for, in words that fit in front of "is under way"."""

    def destroy_node(self) -> None:
        """Break off what is under way, which stays resumable, and end the node."""
        if self._work is not None:
            self._work.close()
            self._end(LearningStatus.IDLE, "the node ends; the same goal goes on")
            let_arrive(self._statuses)
        self._goals.destroy()
        super().destroy_node()

    async def _on_goal(self, handle: Any) -> Any:
        result = self.action.Result
        if self._handle is not None:
            handle.abort()
            held = self.described(self._handle.request)
            return result(code=result.BUSY, message=f"{held} is under way")
        goal = handle.request
        self.get_logger().info(f"{self.described(goal)} begins")
        self._handle, work = handle, Work[Any]()
        self._work = work
        self._report = report = LearningReport(goal.run, getattr(goal, "task", ""))
        outcome = None
        try:
            outcome = await work.outcome(lambda: self.compute(goal, work, report))
        except (PolyTaskError, OSError) as error:
            return self._broken_off(handle, error)
        finally:
            work.close()
            self._work = self._handle = None
            # Where the node itself ends there is nothing left to be told.
            if not report.has_ended:
                ending = LearningStatus.FINISHED if outcome else LearningStatus.FAILED
                self._end(ending, "" if outcome else "it broke off; the node's log says why")
        self.get_logger().info(f"{self.described(goal)} has ended")
        handle.succeed()
        outcome.code = result.SUCCESS
        return outcome

    def _broken_off(self, handle: Any, error: Exception) -> Any:
        result = self.action.Result
        said = self.described(handle.request)
        if isinstance(error, Cancelled):
            self._end(LearningStatus.IDLE, "cancelled; the same goal goes on")
            self.get_logger().info(f"{said} was cancelled")
            if handle.is_cancel_requested:
                handle.canceled()
            else:
                handle.abort()
            return result(code=result.CANCELED, message="cancelled; the same goal goes on")
        code = next((code for kind, code in self.codes if isinstance(error, kind)), result.FAILED)
        self._end(LearningStatus.FAILED, str(error))
        self.get_logger().error(f"{said} broke off: {error}")
        handle.abort()
        return result(code=code, message=str(error))

    def _end(self, phase: int, message: str) -> None:
        self._report.be(phase, message)
        self._tell()

    def _on_cancel(self, _handle: Any) -> Any:
        if self._work is not None:
            self._work.cancel()
        return CancelResponse.ACCEPT

    def _tell(self) -> None:
        status = self._report.status()
        status.header.stamp = self.get_clock().now().to_msg()
        self._statuses.publish(status)
        if self._handle is not None:
            self._handle.publish_feedback(self.action.Feedback(status=status))
        self._diagnose(status)

    def _diagnose(self, status: Any) -> None:
        values = {
            "run": status.run,
            "step": f"{status.step} of {status.total_steps}",
            "rate [1/s]": f"{status.rate:.1f}",
            "success [-]": f"{status.success:.2f}",
        }
        array = DiagnosticArray()
        array.header.stamp = status.header.stamp
        array.status = [
            DiagnosticStatus(
                level=LEVELS.get(status.phase, DiagnosticStatus.OK),
                name=self.get_fully_qualified_name().strip("/"),
                message=": ".join(filter(None, (SAID[status.phase], status.message))),
                hardware_id=self.get_name(),
                values=[KeyValue(key=key, value=value) for key, value in values.items()],
            )
        ]
        self._diagnostics.publish(array)
