"""The arm as a lifecycle node: a thin adapter of its driver."""

import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from polytask_contract.errors import PolyTaskError
from polytask_msgs.action import RecoverArm
from polytask_msgs.msg import ArmStatus, ToolCommand
from polytask_ros import names, qos
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_ros.runtime import let_arrive
from polytask_ros.transitions import refuse_impossible_transitions
from polytask_ros.until import Until
from polytask_xarm_driver.arm.driver import ArmDriver
from polytask_xarm_driver.arm.errors import ArmError
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.sdk_client import SdkArm
from polytask_xarm_driver.arm.status import Status
from polytask_xarm_driver.ros.arm_diagnostics import diagnose
from polytask_xarm_driver.ros.arm_messages import (
    command_of,
    joint_state,
    pose_stamped,
    status_message,
)
from polytask_xarm_driver.ros.arm_recovery import Recovery
from polytask_xarm_driver.ros.arm_settings import settings_of

STATUS_PERIOD = 0.05
DIAGNOSTICS_PERIOD = 1.0
# How long a stop may take [s].
STOPPING = 2.0
RESULT_TIMEOUT = 2

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class ArmNode(LifecycleNode):  # type: ignore[misc]  # rclpy is not typed
    """Configure connects and sets limits, activate enables, deactivate stops.

    Everything here happens in one thread, except that a recovery has one of its own; the threads of
    the driver and of the maker's SDK only wake this one.
    """

    def __init__(self) -> None:
        """Open the node `arm`; raise PolyTaskError for a bad parameter, or if it cannot start."""
        super().__init__("arm")
        self._recovery: Recovery | None = None
        refuse_impossible_transitions(self, self._recovery_under_way)
        self._values = declare_parameters(self, "polytask_xarm_driver.ros", "arm.yaml")
        refuse_undeclared(self)
        self._reported = self.create_guard_condition(self._publish_report)
        self._changed = self.create_guard_condition(self._publish_status)
        self._arm = SdkArm(
            self._values["address"], self._values["connect_timeout"], self._reported.trigger
        )
        settings = settings_of(self._values)
        self._driver = ArmDriver(self._arm, settings, self._changed.trigger)
        self._failure = self._stop = ""
        self._levels: list[bytes] = []
        self._open_interfaces()
        if self._values["autostart"]:
            self._start()

    def _open_interfaces(self) -> None:
        self._joints = self.create_publisher(JointState, names.JOINT_STATES, qos.SENSOR)
        self._pose = self.create_publisher(PoseStamped, names.TOOL_POSE, qos.SENSOR)
        self._statuses = self.create_publisher(ArmStatus, names.ARM_STATUS, qos.LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        self.create_subscription(ToolCommand, names.ARM_COMMAND, self._on_command, qos.COMMAND)
        # While a request of the default group is awaited, all else of that group would rest.
        reentrant = ReentrantCallbackGroup()
        self.create_service(Trigger, names.ARM_STOP, self._on_stop, callback_group=reentrant)
        self._recoveries = ActionServer(
            self,
            RecoverArm,
            names.ARM_RECOVER,
            execute_callback=self._on_recover,
            cancel_callback=lambda _: CancelResponse.REJECT,
            result_timeout=RESULT_TIMEOUT,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(STATUS_PERIOD, self._publish_status, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics, clock=steady)

    def _start(self) -> None:
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != SUCCESS:
                failure = self._failure
                self.destroy_node()
                raise ArmError(failure)

    def destroy_node(self) -> None:
        """Stop and disable the arm, disconnect, then destroy the node."""
        self._driver.close()
        if self._recovery is not None:
            self._recovery.join()
        self._publish_status()
        let_arrive(self._statuses)
        self._recoveries.destroy()
        super().destroy_node()

    # Transitions

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Connect, check the firmware, set the limits and read them back."""
        done = self._attempt(self._driver.configure, FAILURE)
        if done == SUCCESS:
            self.get_logger().info(f"connected to {self._arm.serial} at {self._values['address']}")
        return done

    def on_activate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Enable the arm; from here on it follows commands."""
        return self._attempt(self._driver.enable, FAILURE)

    def on_deactivate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the arm to rest, and disable it."""
        return self._attempt(self._driver.disable, ERROR)

    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Disconnect."""
        return self._attempt(self._driver.close, ERROR)

    def on_shutdown(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Stop, disable and disconnect."""
        return self._attempt(self._driver.close, ERROR)

    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Stop as far as possible, disconnect, and report; the node is unconfigured then."""
        self.get_logger().error(f"stopped and disconnected after: {self._failure}")
        return self._attempt(self._driver.close, FAILURE)

    def _attempt(self, act: Callable[[], None], otherwise: Any) -> Any:
        try:
            act()
        except PolyTaskError as error:
            self._failure = str(error)
            self.get_logger().error(self._failure)
            return otherwise
        except Exception as error:
            # rclpy would pass over it in silence.
            self._failure = f"{type(error).__name__}: {error}"
            self.get_logger().fatal(self._failure)
            raise
        return SUCCESS

    # Commands

    def _on_command(self, message: ToolCommand) -> None:
        if message.rest:
            # However old it is, and whatever else it says.
            self._driver.rest()
            return
        frame = message.header.frame_id
        if frame not in ("", self._values["base_frame"]):
            valid = self._values["base_frame"]
            refusal = f"the command is in the frame {frame!r}; valid: {valid!r}, or none"
            self._driver.refuse(refusal)
        else:
            stamp = Time.from_msg(message.header.stamp, self.get_clock().clock_type)
            age = (self.get_clock().now() - stamp).nanoseconds * 1e-9
            refusal = self._driver.command(command_of(message, age))
        if refusal:
            self.get_logger().warning(f"command refused: {refusal}", throttle_duration_sec=1.0)

    async def _on_stop(self, _request: Any, response: Any) -> Any:
        self._driver.stop()
        # The status's timer wakes the executor, also in what follows.
        await Until(lambda: self._driver.stands, STOPPING)
        response.success = self._driver.stands
        response.message = self._driver.status().reason
        return response

    def _recovery_under_way(self) -> str:
        """Say so if there is one: the driver would make another request wait for its end."""
        return "" if self._recovery is None else "a recovery is under way"

    async def _on_recover(self, handle: Any) -> Any:
        if busy := self._recovery_under_way():
            handle.abort()
            return RecoverArm.Result(code=RecoverArm.Result.BUSY, message=busy)
        self._recovery = recovery = Recovery(self._driver)
        await Until(lambda: recovery.tell(handle))
        self._recovery = None
        if recovery.failure:
            self.get_logger().error(f"the arm cannot be recovered: {recovery.failure}")
            handle.abort()
            return RecoverArm.Result(code=RecoverArm.Result.FAILED, message=recovery.failure)
        self.get_logger().info(f"recovered; {self._driver.status().reason}")
        handle.succeed()
        return RecoverArm.Result(code=RecoverArm.Result.SUCCESS)

    # Reports

    def _publish_report(self) -> None:
        report = self._arm.feedback
        if report is None:
            return
        now = self.get_clock().now().nanoseconds
        # A simulated clock may have begun later than the report came, and time has no less than 0.
        since = int((time.monotonic() - report.at) * 1e9)
        stamp = Time(nanoseconds=max(0, now - since)).to_msg()
        if self._joints.get_subscription_count():
            joints = joint_state(report, self._driver.status().opening)
            joints.header.stamp, joints.header.frame_id = stamp, self._values["base_frame"]
            self._joints.publish(joints)
        pose = pose_stamped(report.pose)
        pose.header.stamp, pose.header.frame_id = stamp, self._values["base_frame"]
        self._pose.publish(pose)

    def _publish_status(self) -> None:
        status = self._driver.status()
        message = status_message(status)
        message.header.stamp = self.get_clock().now().to_msg()
        self._statuses.publish(message)
        self._log(status)
        levels = [each.level for each in self._diagnose()]
        if levels != self._levels:
            self._publish_diagnostics()

    def _log(self, status: Status) -> None:
        """Say once why the arm stopped."""
        stop = status.reason if status.phase == Phase.STOPPED else ""
        if stop and stop != self._stop:
            self.get_logger().error(f"the arm has stopped: {stop}")
        self._stop = stop

    def _diagnose(self) -> list[Any]:
        return diagnose(
            self._driver.status(),
            self._arm.health,
            self.get_fully_qualified_name().lstrip("/"),
            self._arm.serial,
            self._values["temperature_warning"],
        )

    def _publish_diagnostics(self) -> None:
        found = self._diagnose()
        self._levels = [each.level for each in found]
        message = DiagnosticArray(status=found)
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
