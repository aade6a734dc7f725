"""The node `policy`: a unified policy that does what it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.errors import EnvironmentBusy, EnvironmentLost, PolyTaskError, UnknownName
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import InvalidGoal as InvalidTaskGoal
from polytask_learning.goals.errors import UnknownGoal
from polytask_learning.ros.goal_errors import InvalidGoal
from polytask_learning.ros.policy_diagnostics import diagnose
from polytask_learning.ros.policy_episode import PolicyEpisode
from polytask_learning.ros.policy_loading import NotLoadable, check_fits, load_policy
from polytask_learning.ros.task_goal import described, taken
from polytask_learning.ros.work import Cancelled, Work
from polytask_msgs.action import RunTask
from polytask_msgs.msg import EnvironmentSpec
from polytask_msgs.srv import LoadPolicy
from polytask_ros import names, qos
from polytask_ros.messages import MalformedMessage, specification_of
from polytask_ros.parameters import declare_parameters, refuse_undeclared

# How often the node looks whether what it waits for is done [s].
HEARTBEAT = 0.02
DIAGNOSTICS_PERIOD = 1.0

Loaded, Result = LoadPolicy.Response, RunTask.Result
CODES: tuple[tuple[type[PolyTaskError], int], ...] = (
    (EnvironmentBusy, Result.BUSY),
    (UnknownGoal, Result.UNKNOWN_TASK),
    (UnknownName, Result.UNKNOWN_TASK),
    (InvalidGoal, Result.INVALID_GOAL),
    (InvalidTaskGoal, Result.INVALID_GOAL),
    (MalformedMessage, Result.INVALID_GOAL),
    (InvalidEpisode, Result.INCOMPATIBLE),
    (EnvironmentLost, Result.ENVIRONMENT_LOST),
)


class PolicyServer(Node):  # type: ignore[misc]  # rclpy is not typed
    """Keeps one policy loaded, and lets it act in the environment that is up.

    One thing at a time, a loading or an episode, in a thread beside the executor's. The
    environment is held for the length of an episode.
    """

    def __init__(self) -> None:
        """Open the node `policy`; raise PolyTaskError for a bad parameter or run."""
        super().__init__("policy")
        self._settings = declare_parameters(self, "polytask_learning.ros", "policy.yaml")
        refuse_undeclared(self)
        self._compute = ComputeSettings(
            device=self._settings["device"], threads=self._settings["threads"]
        )
        self._compute.prepare_process()
        run = self._settings["run"]
        self._policy: UnifiedPolicy | None = load_policy(run, self._compute) if run else None
        self._spec: EnvironmentSpec | None = None
        self._under_way = ""
        self._work: Work[Any] | None = None
        self._running: Any = None
        self._episode: PolicyEpisode | None = None
        self._open_interfaces()

    def _open_interfaces(self) -> None:
        self._specs = self.create_subscription(
            EnvironmentSpec, names.SPEC, self._on_spec, qos.LATCHED
        )
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        # While a request of the default group is awaited, the timers of that group would rest.
        reentrant = ReentrantCallbackGroup()
        self.create_service(LoadPolicy, names.LOAD_POLICY, self._on_load, callback_group=reentrant)
        self._goals = ActionServer(
            self,
            RunTask,
            names.RUN_TASK,
            execute_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._heartbeat = self.create_timer(HEARTBEAT, lambda: None, clock=steady)
        self._heartbeat.cancel()
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)

    def destroy_node(self) -> None:
        """Break an episode off, so that the arm stands still, and end the node."""
        work, self._work = self._work, None
        if work is not None:
            work.close()
        self._goals.destroy()
        super().destroy_node()

    @contextmanager
    def _doing(self, what: str) -> Iterator[Work[Any]]:
        """Give the work in which `what` is done; nothing else is until that has ended."""
        work = self._work = Work[Any]()
        self._under_way = what
        self._heartbeat.reset()
        try:
            yield work
        finally:
            # Where the node was destroyed meanwhile, it has ended the work itself.
            if self._work is work:
                self._heartbeat.cancel()
                work.close()
                self._work, self._under_way = None, ""

    # Loading

    async def _on_load(self, request: Any, response: Any) -> Any:
        if self._under_way:
            response.code, response.message = Loaded.BUSY, f"{self._under_way} is under way"
            return response
        try:
            with self._doing(f"the loading of {request.run}") as work:
                policy = await work.outcome(lambda: load_policy(request.run, self._compute))
            self._check_environment(policy)
        except PolyTaskError as error:
            not_loadable = isinstance(error, NotLoadable)
            response.code = Loaded.NOT_LOADABLE if not_loadable else Loaded.INCOMPATIBLE
            response.message = str(error)
            self.get_logger().error(f"{request.run!r} is not loaded: {error}")
            return response
        self._policy = policy
        self.get_logger().info(f"loaded {request.run}: {', '.join(policy.tasks)}")
        response.code = Loaded.SUCCESS
        response.suite, response.tasks = policy.folder.form.suite, list(policy.tasks)
        response.modalities = list(taken(policy))
        response.parameters = policy.actor.size
        return response

    def _check_environment(self, policy: UnifiedPolicy) -> None:
        """Raise a PolyTaskError if there is an environment and `policy` was made for another."""
        spec = self._environment()
        if spec is not None:
            check_fits(policy, specification_of(spec))

    def _environment(self) -> EnvironmentSpec | None:
        """Return what is known of the environment that is up; None if there is none."""
        if not self._specs.get_publisher_count():
            # The next one is known by what it says itself.
            self._spec = None
        return self._spec

    def _on_spec(self, message: EnvironmentSpec) -> None:
        self._spec = message

    # Acting

    async def _on_goal(self, handle: Any) -> Any:
        goal = handle.request
        if self._under_way:
            handle.abort()
            held = f"{self._under_way} is under way; wait for its end, or cancel it"
            return Result(code=Result.BUSY, message=held)
        if self._policy is None:
            handle.abort()
            place = self.resolve_service_name(names.LOAD_POLICY)
            return Result(code=Result.NO_POLICY, message=f"no policy is loaded; {place} loads one")
        episode = self._episode = PolicyEpisode(
            self._policy, goal, self.get_namespace(), self._settings, handle.publish_feedback
        )
        self._running = handle
        said = described(goal.goal, goal.task)
        try:
            with self._doing(said) as work:
                await work.outcome(lambda: episode.run(work))
        except PolyTaskError as error:
            return self._broken_off(handle, episode, said, error)
        handle.succeed()
        result = episode.result(Result.SUCCESS)
        ending = "accomplished" if result.success else "not accomplished"
        self.get_logger().info(f"{said}: {ending} after {episode.steps} steps")
        return result

    def _broken_off(
        self, handle: Any, episode: PolicyEpisode, said: str, error: PolyTaskError
    ) -> Any:
        if isinstance(error, Cancelled):
            handle.canceled()
            told = f"cancelled after {episode.steps} steps; the arm stands still"
            self.get_logger().info(f"{said}: {told}")
            return episode.result(Result.CANCELED, told)
        self.get_logger().error(f"{said}: {error}")
        handle.abort()
        code = next((code for kind, code in CODES if isinstance(error, kind)), Result.FAILED)
        return episode.result(code, str(error))

    def _on_cancel(self, handle: Any) -> Any:
        if handle is self._running and self._work is not None:
            self._work.cancel()
        return CancelResponse.ACCEPT

    def _diagnose(self) -> None:
        name = self.get_fully_qualified_name().lstrip("/")
        spec = self._environment()
        suite = "" if spec is None else spec.suite
        status = diagnose(name, self._policy, suite, self._under_way, self._episode)
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
