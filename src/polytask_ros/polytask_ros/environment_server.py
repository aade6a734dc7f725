"""The server's end of the environment contract: a node that serves a World."""

import abc
import secrets
from collections.abc import Generator
from copy import copy
from typing import Any

import dm_env
import numpy as np
from rclpy.action import ActionServer, CancelResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import String

from polytask_contract.environment import Action as ActionValues
from polytask_contract.environment import Turn
from polytask_contract.errors import (
    ActionRefused,
    EnvironmentBusy,
    PolyTaskError,
    ResetFailed,
    UnknownName,
    WorldStopped,
)
from polytask_contract.world import World
from polytask_msgs.action import ResetEnvironment
from polytask_msgs.msg import Action, ActionRefusal, EnvironmentSpec, Observation
from polytask_msgs.srv import ReleaseEnvironment
from polytask_ros import names, qos
from polytask_ros.messages import fill_observation, packed, spec_message
from polytask_ros.parameters import InvalidParameter, declare_parameters, refuse_undeclared
from polytask_ros.referee import ActionWatchdog, Holding, Turns
from polytask_ros.runtime import let_arrive
from polytask_ros.stepped_reset import SteppedReset

# How often the server looks whether its client is still there, and resumes a reset under way.
HOLDING_PERIOD = 0.5
RESET_PERIOD = 0.02
# A reset's result carries a picture, and the client asks for it as soon as the reset is accepted.
RESULT_TIMEOUT = 2

Reset = ResetEnvironment.Result


class EnvironmentServer(Node, abc.ABC):  # type: ignore[misc]  # rclpy is not typed
    """Base of nodes that serve an environment: implement `make_world`.

    Everything happens in one thread. Lockstep: the world moves when the action for its open turn
    arrives. Real time: it moves every control period, by the newest action or, for a few periods,
    by the one before; then the episode is stopped. Actions that do not count are answered on
    `environment/refusal`; the world does not move for them.

    A `physical` world has real time only, and rests where no action came.
    """

    def __init__(self, name: str, *, physical: bool = False, **options: Any) -> None:
        """Open the node `name` and begin to serve; `options` go to rclpy's Node."""
        super().__init__(name, **options)
        defaults = {"pacing": "realtime"} if physical else {}
        settings = declare_parameters(self, "polytask_ros", "environment_server.yaml", defaults)
        self._realtime = settings["pacing"] == "realtime"
        if physical and not self._realtime:
            raise InvalidParameter(
                "parameter pacing is 'lockstep'; valid: 'realtime', as a robot's time does not wait"
            )
        self._world = self.make_world()
        refuse_undeclared(self)
        specification = self._world.specification
        self._turns = Turns(specification.action_size)
        self._holding = Holding(settings["client_timeout"])
        self._watchdog = ActionWatchdog(
            specification.action_size, settings["hold_periods"], rests=physical
        )
        self._frame = settings["frame_id"]
        # Random, so that an action meant for a server that was restarted fits no episode here.
        self._episode = secrets.randbits(48) << 8
        self._newest = Observation()
        self._reset: SteppedReset | None = None
        self._open_interfaces(specification.control_period)
        pacing = EnvironmentSpec.REALTIME if self._realtime else EnvironmentSpec.LOCKSTEP
        self._spec.publish(spec_message(specification, pacing))
        served = f"{specification.suite} ({len(specification.tasks)} tasks, {settings['pacing']})"
        self.get_logger().info(f"serving {served}")

    @abc.abstractmethod
    def make_world(self) -> World:
        """Return the world to serve; the node's parameters can be declared and read here."""

    def acquisition_time(self) -> Time:
        """Return when the newest time step was observed: now, unless a robot knows better."""
        return self.get_clock().now()

    def observed(self, header: Any) -> None:
        """Take note that an observation with `header` was published; by default there is nothing.

        A camera publishes here what it sees at that moment.
        """

    def _open_interfaces(self, control_period: float) -> None:
        self._spec = self.create_publisher(EnvironmentSpec, names.SPEC, qos.LATCHED)
        self._observations = self.create_publisher(Observation, names.OBSERVATION, qos.TURN)
        self._refusals = self.create_publisher(ActionRefusal, names.REFUSAL, qos.TURN)
        self.create_subscription(Action, names.ACTION, self._on_action, qos.TURN)
        self.create_subscription(String, names.HALT, self._on_halt, qos.EVENT)
        self._resets = ActionServer(
            self,
            ResetEnvironment,
            names.RESET,
            execute_callback=self._on_reset,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            result_timeout=RESULT_TIMEOUT,
        )
        self.create_service(ReleaseEnvironment, names.RELEASE, self._on_release)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HOLDING_PERIOD, self._check_holding, clock=steady)
        self._reset_timer = self.create_timer(RESET_PERIOD, lambda: None, clock=steady)
        self._reset_timer.cancel()
        self._period_timer = self.create_timer(control_period, self._on_period, clock=steady)
        self._period_timer.cancel()

    def destroy_node(self) -> None:
        """Stop the world, then the node."""
        self._let_go("the server ends")
        # Who learnt first that the node is gone would not learn why.
        let_arrive(self._observations)
        self._resets.destroy()
        self._world.close()
        super().destroy_node()

    # Actions

    def _on_action(self, message: Action) -> None:
        turn = Turn(message.episode, message.step)
        if message.resent and self._turns.was_answered(turn):
            self._observations.publish(self._newest)
            return
        try:
            action = self._turns.judge(turn, np.frombuffer(message.values, np.float32))
        except ActionRefused as refused:
            self._refuse(turn, refused)
            return
        self._holding.hear()
        if self._realtime:
            self._watchdog.give(action)
            self._world.anticipate(action)
        else:
            self._advance(action)

    def _refuse(self, turn: Turn, refused: ActionRefused) -> None:
        self.get_logger().warning(f"action refused: {refused}", throttle_duration_sec=1.0)
        message = ActionRefusal(episode=turn.episode, step=turn.step, message=str(refused))
        message.code = int(refused.refusal)
        self._refusals.publish(message)

    def _on_period(self) -> None:
        if self._turns.open is None:
            return
        action = self._watchdog.take()
        if action is None:
            self._give_up(f"no action came in time; {self._watchdog.missed} were missed")
        else:
            self._advance(action)

    def _advance(self, action: ActionValues) -> None:
        try:
            timestep = self._world.advance(action)
        except WorldStopped as stopped:
            self._give_up(str(stopped))
            return
        self._publish(self._turns.advance(timestep.last()), timestep, action)
        if timestep.last():
            self._period_timer.cancel()

    def _on_halt(self, message: String) -> None:
        reason = message.data or "no reason was given"
        self.get_logger().warning(f"halt: {reason}", throttle_duration_sec=1.0)
        self._watchdog.forget()
        self._world.halt(reason)
        if self._reset is not None:
            self._reset.halt(reason)

    def _publish(
        self, turn: Turn, timestep: dm_env.TimeStep, action: ActionValues | None = None
    ) -> None:
        message = Observation(episode=turn.episode, step=turn.step)
        if action is not None:
            message.action = packed(action, "f")
        message.header.stamp = self.acquisition_time().to_msg()
        if self._world.specification.image:
            message.header.frame_id = self._frame
        message.missed_actions = self._watchdog.missed
        fill_observation(message, timestep)
        self._newest = message
        self._observations.publish(message)
        self.observed(message.header)

    # Episodes given up

    def interrupt(self, reason: str) -> None:
        """End a running episode for `reason`: what a world learns between two periods."""
        if self._turns.open is not None:
            self._give_up(reason)

    def _check_holding(self) -> None:
        if self._reset is not None:
            self._holding.hear()  # A reset takes its time; only who is gone does not wait for it.
        if reason := self._holding.lapse(self._nodes()):
            self._let_go(reason)

    def _on_release(self, request: Any, response: Any) -> Any:
        response.code = response.BUSY
        if self._reset is not None:
            response.message = f"a reset by {self._holding.client} is under way"
        elif self._holding.client not in ("", request.client):
            response.message = f"{self._holding.client} holds the environment"
        else:
            self._let_go(f"{request.client} let go")
            response.code = response.SUCCESS
        return response

    def _let_go(self, reason: str) -> None:
        self._holding.release()
        self.interrupt(reason)
        if self._reset is not None:
            self._reset.halt(reason)

    def _nodes(self) -> set[str]:
        pairs = self.get_node_names_and_namespaces()
        return {f"{namespace.rstrip('/')}/{name}" for name, namespace in pairs}

    def _give_up(self, reason: str) -> None:
        """Stop the world and end the episode: a copy of the newest observation is its last one."""
        self._world.stop(reason)
        self._period_timer.cancel()
        self._turns.abandon()
        self.get_logger().warning(f"episode stopped: {reason}")
        self._newest = last = copy(self._newest)
        last.step += 1
        last.action = packed(np.zeros(self._world.specification.action_size, np.float32), "f")
        last.step_type, last.reward, last.discount = Observation.LAST, 0.0, 1.0
        last.ending, last.ending_message = Observation.STOPPED, reason
        last.missed_actions = self._watchdog.missed
        self._observations.publish(last)

    # Resets

    async def _on_reset(self, handle: Any) -> Any:
        try:
            steps = self._admit(handle.request)
        except EnvironmentBusy as busy:
            return self._failed(handle, Reset.BUSY, busy)
        except UnknownName as unknown:
            return self._failed(handle, Reset.UNKNOWN_TASK, unknown)
        except PolyTaskError as error:
            return self._failed(handle, Reset.INVALID_GOAL, error)
        self._reset = SteppedReset(handle, steps, self._world.stop)
        self._reset_timer.reset()
        try:
            timestep = await self._reset
        except ResetFailed as failed:
            self.get_logger().error(f"reset failed: {failed}")
            self._holding.release()
            return self._failed(handle, Reset.FAILED, failed)
        finally:
            self._reset = None
            self._reset_timer.cancel()
        if timestep is None:
            self._holding.release()
            handle.canceled()
            return Reset(code=Reset.CANCELED, message="the reset was cancelled; no episode runs")
        self._start(timestep)
        handle.succeed()
        return Reset(code=Reset.SUCCESS, observation=self._newest)

    def _admit(self, goal: Any) -> Generator[Any, None, dm_env.TimeStep]:
        if not goal.client:
            raise PolyTaskError("client is empty; valid: the fully qualified name of a node")
        if self._reset is not None:
            raise EnvironmentBusy(f"a reset by {self._holding.client} is under way")
        self._world.specification.check_task(goal.task)
        self._check_holding()
        self._holding.claim(goal.client, self._nodes())
        self._period_timer.cancel()
        self._turns.abandon()
        return self._world.begin(goal.task, goal.seed)

    def _start(self, timestep: dm_env.TimeStep) -> None:
        self._episode += 1
        self._turns.start(self._episode)
        self._watchdog.start()
        self._holding.hear()
        self._publish(Turn(self._episode, 0), timestep)
        if self._realtime:
            self._period_timer.reset()

    def _failed(self, handle: Any, code: int, error: PolyTaskError) -> Any:
        handle.abort()
        return Reset(code=code, message=str(error))
