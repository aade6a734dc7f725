"""The node `recorder`: demonstrations that somebody or something else acts out."""

import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from polytask_contract.errors import EnvironmentBusy, EnvironmentLost, PolyTaskError, UnknownName
from polytask_msgs.action import RecordDemonstration
from polytask_msgs.msg import Observation, OperatorEvent
from polytask_ros import names, qos
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_xarm_driver.recording.take import Word
from polytask_xarm_driver.recording.task_folder import FolderInUse, NotWritable
from polytask_xarm_driver.ros.recorded_environment import RecordedEnvironment
from polytask_xarm_driver.ros.recording_run import RecordingRun

# How often a recording looks around when nothing happens, and says how far it is [s].
HEARTBEAT = 0.05
# A recording breaks off within so long when the node ends [s].
FAREWELL = 2.0

WORDS = {int(word): word for word in Word}
Result = RecordDemonstration.Result
CODES: tuple[tuple[type[PolyTaskError], int], ...] = (
    (EnvironmentBusy, Result.BUSY),
    (FolderInUse, Result.BUSY),
    (UnknownName, Result.UNKNOWN_TASK),
    (NotWritable, Result.NOT_WRITABLE),
    (EnvironmentLost, Result.ENVIRONMENT_LOST),
)


class Recorder(Node):  # type: ignore[misc]  # rclpy is not typed
    """Holds an environment, lets others act in it, and keeps the episodes that are successes.

    Everything happens in one thread. One goal at a time; whatever ends it, finished episodes stay.
    """

    def __init__(self) -> None:
        """Open the node `recorder`; raise InvalidParameter for a bad parameter."""
        super().__init__("recorder")
        self._settings = declare_parameters(self, "polytask_xarm_driver.ros", "recorder.yaml")
        refuse_undeclared(self)
        self._run: RecordingRun | None = None
        self._under_way = ""
        self._environment = RecordedEnvironment(self, self._settings, self._on_observation)
        self.create_subscription(OperatorEvent, names.OPERATOR_EVENT, self._on_event, qos.EVENT)
        self._goals = ActionServer(
            self,
            RecordDemonstration,
            names.RECORD,
            execute_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._heartbeat = self.create_timer(HEARTBEAT, self._on_heartbeat, clock=steady)
        self._heartbeat.cancel()

    def destroy_node(self) -> None:
        """Let the environment go, keep nothing of an episode under way, and end the node."""
        if self._run is not None:
            self._run.end()
            # Who leaves before the environment has heard of it keeps it from others.
            end = time.monotonic() + FAREWELL
            while self._run is not None and self.executor and time.monotonic() < end:
                self.executor.spin_once(timeout_sec=HEARTBEAT)
        if self._run is not None:
            self._environment.let_go()
            self._end_run(self._run)
        self._environment.close()
        self._goals.destroy()
        super().destroy_node()

    async def _on_goal(self, handle: Any) -> Any:
        if self._run is not None:
            handle.abort()
            return Result(code=Result.BUSY, message=f"{self._under_way} is under way")
        goal = handle.request
        self._under_way = f"a recording of {goal.task} into {goal.folder}"
        self.get_logger().info(f"{self._under_way} begins: {goal.count} episodes")
        run = self._run = RecordingRun(self, self._environment, handle, self._settings)
        self._heartbeat.reset()
        try:
            await run.prepare()
            await run.record()
        except PolyTaskError as error:
            if run.session is not None:
                self._environment.let_go()
            return self._failed(handle, run, error)
        finally:
            # Where the node was destroyed meanwhile, it has ended the run itself.
            if self._run is run:
                self._heartbeat.cancel()
                self._end_run(run)
        return self._ended(handle, run)

    def _end_run(self, run: RecordingRun) -> None:
        run.close()
        self._run = None

    def _ended(self, handle: Any, run: RecordingRun) -> Any:
        files = _files(run)
        if len(files) < handle.request.count:
            if not handle.is_cancel_requested:
                return self._failed(handle, run, PolyTaskError("the recorder was told to end"))
            handle.canceled()
            told = f"cancelled; {_share(handle, run)}"
            return Result(code=Result.CANCELED, message=told, files=files)
        handle.succeed()
        return Result(code=Result.SUCCESS, files=files)

    def _failed(self, handle: Any, run: RecordingRun, error: PolyTaskError) -> Any:
        default = Result.INVALID_GOAL if run.session is None else Result.FAILED
        code = next((code for kind, code in CODES if isinstance(error, kind)), default)
        told = str(error) if run.session is None else f"{error}; {_share(handle, run)}"
        self.get_logger().error(f"{self._under_way} ends: {told}")
        handle.abort()
        return Result(code=code, message=told, files=_files(run))

    def _on_observation(self, message: Observation, info: dict[str, int]) -> None:
        if self._run is not None:
            self._run.observe(message, info["source_timestamp"])

    def _on_event(self, message: OperatorEvent) -> None:
        word = WORDS.get(message.event)
        if self._run is not None and word is not None:
            self._run.hear(word)

    def _on_heartbeat(self) -> None:
        if self._run is not None:
            self._run.tell()


def _files(run: RecordingRun) -> list[str]:
    return [str(path) for path in run.session.files] if run.session is not None else []


def _share(handle: Any, run: RecordingRun) -> str:
    return f"{len(_files(run))} of {handle.request.count} episodes were kept"
