"""The client's end of the environment contract: an Environment whose world is elsewhere."""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import dm_env
import numpy as np
import rclpy
from numpy.typing import ArrayLike
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from polytask_contract.environment import Environment, Turn
from polytask_contract.errors import (
    ActionRefused,
    EnvironmentBusy,
    EnvironmentClosed,
    EnvironmentLost,
    Refusal,
    ResetFailed,
)
from polytask_contract.specification import Specification
from polytask_msgs.action import ResetEnvironment
from polytask_msgs.msg import Action, ActionRefusal, EnvironmentSpec, Observation
from polytask_msgs.srv import ReleaseEnvironment
from polytask_ros import names, qos
from polytask_ros.inbox import Inbox
from polytask_ros.messages import packed, specification_of, timestep_of
from polytask_ros.runtime import initialize

# An answer that has not come by then is asked for again: over a lossy link it may never come.
RESEND_PERIOD = 0.5
RELEASE_TIMEOUT = 1.0

FORGOTTEN = (Refusal.NO_EPISODE, Refusal.WRONG_EPISODE)


class RosEnvironment(Environment):
    """The environment served under `namespace`, for one task at a time.

    It has a context and a node of its own and spins them while it waits, in the caller's thread. Where no answer
    comes for `timeout` seconds, or the server is gone, EnvironmentLost is raised; a later reset
    works again once the server is back. A reset may take `reset_timeout` seconds.

    In real time the world does not wait: `step` then answers the newest observation, and the
    rewards of those that passed meanwhile are added to its own.
    """

    def __init__(
        self,
        task: str,
        seed: int = 0,
        *,
        namespace: str = "",
        timeout: float = 10.0,
        reset_timeout: float = 60.0,
        arguments: Sequence[str] = (),
    ) -> None:
        """Find the server and learn what it is; resets without a seed draw theirs from `seed`.

        `arguments` are ROS arguments for the node, such as remappings. Raise EnvironmentLost when
        no server is found in time, UnknownName when it does not have `task`.
        """
        self._timeout = timeout
        self._reset_timeout = reset_timeout
        self._seeds = np.random.default_rng(seed)
        self._turn: Turn | None = None
        self._spec: EnvironmentSpec | None = None
        self._holds = self._lost = False
        self._ending_message = ""
        self._stamp = 0.0
        # The name is unique, so that a server never takes two clients for one.
        self._node_options: dict[str, Any] = {
            "node_name": f"environment_client_{secrets.token_hex(4)}",
            "namespace": namespace or None,
            "cli_args": list(arguments),
        }
        self._open()
        try:
            self._wait(lambda: self._spec is not None, timeout, "has told its specification")
            self._specification = specification_of(self._spec)
            self._specification.check_task(task)
        except BaseException:
            self.close()
            raise
        self._task = task

    def _open(self) -> None:
        self._context = Context()
        initialize(context=self._context)
        node: Any = rclpy.create_node(
            **self._node_options, context=self._context, start_parameter_services=False
        )
        self._node = node
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._actions = node.create_publisher(Action, names.ACTION, qos.TURN)
        self._inbox = Inbox(
            node,
            [
                (Observation, names.OBSERVATION, qos.TURN),
                (ActionRefusal, names.REFUSAL, qos.TURN),
            ],
        )
        self._observations, self._refusals = self._inbox.messages
        self._server = self._inbox.subscriptions[0]
        node.create_subscription(EnvironmentSpec, names.SPEC, self._on_spec, qos.LATCHED)
        self._resets = ActionClient(node, ResetEnvironment, names.RESET)
        self._releases = node.create_client(ReleaseEnvironment, names.RELEASE)

    @property
    def specification(self) -> Specification:
        """What this environment is."""
        return self._specification

    @property
    def realtime(self) -> bool:
        """True when the world moves on without an action."""
        return self._spec is not None and self._spec.pacing == EnvironmentSpec.REALTIME

    @property
    def task(self) -> str:
        """The task that a reset begins; setting another raises UnknownName when there is none."""
        return self._task

    @task.setter
    def task(self, task: str) -> None:
        self._specification.check_task(task)
        self._task = task

    @property
    def turn(self) -> Turn | None:
        """The turn that the next action answers; None while no episode is running."""
        return self._turn

    @property
    def ending_message(self) -> str:
        """Why the newest episode was stopped from outside; empty when it was not."""
        return self._ending_message

    @property
    def stamp(self) -> float:
        """Acquisition time of the newest observation, by the server's clock [s]."""
        return self._stamp

    def reset(self, seed: int | None = None) -> dm_env.TimeStep:
        """Begin an episode, the same one for the same `seed`; None draws the next seed.

        Raise EnvironmentBusy while another client holds the environment, ResetFailed when the world
        cannot get to a start, EnvironmentLost when no answer comes.
        """
        self._check_open()
        if seed is None:
            seed = int(self._seeds.integers(2**63))
        self._turn = None
        self._ending_message = ""
        if self._lost:
            # Discovery may hold one end for gone while the other never noticed; a new participant
            # of the same name is met by both.
            self._disconnect()
            self._open()
        self._lost = True
        self._wait(self._connected, self._timeout, "is connected")
        result = self._reset_result(seed)
        self._lost = False
        if result.code == result.BUSY:
            raise EnvironmentBusy(result.message)
        if result.code != result.SUCCESS:
            raise ResetFailed(result.message)
        self._holds = True
        self._inbox.clear()
        return self._taken(result.observation)

    def act(self, turn: Turn, action: ArrayLike) -> dm_env.TimeStep:
        """Answer `turn`; raise ActionRefused, and leave the world as it is, when that cannot be.

        Raise EnvironmentLost when no answer comes, or when the server no longer knows the episode.
        """
        self._check_open()
        values = np.asarray(action, np.float32)
        if values.ndim != 1:
            expected = (self._specification.action_size,)
            message = f"the action has shape {values.shape}; valid: {expected}"
            raise ActionRefused(Refusal.WRONG_SIZE, message)
        message = Action(episode=turn.episode, step=turn.step, values=packed(values, "f"))
        self._refusals.clear()
        self._actions.publish(message)
        try:
            return self._taken(self._answer(turn, message))
        except ActionRefused as refused:
            if turn == self._turn and refused.refusal in FORGOTTEN:
                self._lose()
                reason = f"the environment gave the episode up or was restarted: {refused}"
                raise EnvironmentLost(reason) from None
            raise
        except EnvironmentLost:
            self._lose()
            raise

    def _lose(self) -> None:
        self._turn, self._lost = None, True

    def step(self, action: ArrayLike) -> dm_env.TimeStep:
        """Answer the newest turn; without a running episode, begin one and ignore the action."""
        if self._turn is None or not self.realtime:
            return super().step(action)
        passed = 0.0
        while True:
            self._inbox.wait(0)
            for message in self._newer():
                timestep = self._taken(message)
                passed += timestep.reward or 0.0
                if timestep.last():
                    return timestep._replace(reward=passed)
            try:
                timestep = self.act(self._turn, action)
            except ActionRefused as refused:
                if refused.refusal != Refusal.WRONG_STEP:
                    raise
            else:
                return timestep._replace(reward=passed + timestep.reward)

    def close(self) -> None:
        """Let go of the environment; further calls do nothing."""
        if self._node is not None:
            if self._holds:
                self._release()
            self._turn = None
            self._disconnect()
            self._node = None

    def _disconnect(self) -> None:
        self._resets.destroy()
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _release(self) -> None:
        """Tell the server that others may have the environment; without an answer it finds out."""
        self._holds = False
        if self._releases.service_is_ready():
            request = ReleaseEnvironment.Request(client=self._node.get_fully_qualified_name())
            future = self._releases.call_async(request)
            self._executor.spin_until_future_complete(future, timeout_sec=RELEASE_TIMEOUT)

    # Waiting

    def _on_spec(self, message: EnvironmentSpec) -> None:
        self._spec = message

    def _connected(self) -> bool:
        return bool(
            self._resets.server_is_ready()
            and self._actions.get_subscription_count()
            and self._server.get_publisher_count()
        )

    def _wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Spin until `done`; raise EnvironmentLost when it takes longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                place = self._node.resolve_topic_name(names.OBSERVATION)
                raise EnvironmentLost(f"no environment on {place} {what} within {timeout:g} s")
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def _wait_for_server(self, future: Future, timeout: float, what: str) -> Any:
        def done_or_gone() -> bool:
            return bool(future.done()) or bool(self._server.get_publisher_count() == 0)

        self._wait(done_or_gone, timeout, what)
        if not future.done():
            raise EnvironmentLost("the environment's server is gone")
        return future.result()

    def _reset_result(self, seed: int) -> Any:
        goal = ResetEnvironment.Goal(
            task=self._task, seed=seed, client=self._node.get_fully_qualified_name()
        )
        handle = self._wait_for_server(
            self._resets.send_goal_async(goal), self._timeout, "took the reset"
        )
        try:
            future = handle.get_result_async()
            return self._wait_for_server(future, self._reset_timeout, "was reset").result
        except (EnvironmentLost, KeyboardInterrupt):
            handle.cancel_goal_async()
            raise

    def _answer(self, turn: Turn, message: Action) -> Any:
        """Return the observation that answers `turn`; raise ActionRefused when it was refused."""
        deadline = time.monotonic() + self._timeout
        resend = time.monotonic() + RESEND_PERIOD
        while True:
            self._inbox.wait(RESEND_PERIOD)
            while self._observations:
                answer = self._observations.pop(0)
                if answer.episode == turn.episode and answer.step == turn.step + 1:
                    return answer
            while self._refusals:
                refusal = self._refusals.pop(0)
                if (refusal.episode, refusal.step) == turn:
                    raise ActionRefused(Refusal(refusal.code), refusal.message)
            now = time.monotonic()
            if now < resend:
                continue
            if now >= deadline:
                raise EnvironmentLost(f"the environment did not answer within {self._timeout:g} s")
            if self._server.get_publisher_count() == 0:
                raise EnvironmentLost("the environment's server is gone")
            message.resent = True
            self._actions.publish(message)
            resend = now + RESEND_PERIOD

    def _newer(self) -> list[Any]:
        """Return the observations of this episode that came after the open turn."""
        turn = self._turn
        messages = list(self._observations)
        self._observations.clear()
        return [m for m in messages if turn and m.episode == turn.episode and m.step > turn.step]

    def _taken(self, message: Any) -> dm_env.TimeStep:
        last = message.step_type == Observation.LAST
        self._turn = None if last else Turn(message.episode, message.step)
        self._ending_message = message.ending_message
        self._stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        return timestep_of(message)

    def _check_open(self) -> None:
        if self._node is None:
            raise EnvironmentClosed("the environment was closed; make another")
