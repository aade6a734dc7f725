"""The wire of a RosEnvironment: finding the server, asking it, and noticing when it is gone."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from polytask_contract.errors import ActionRefused, EnvironmentLost, Refusal
from polytask_msgs.action import ResetEnvironment
from polytask_msgs.msg import Action, ActionRefusal, EnvironmentSpec, Observation
from polytask_msgs.srv import ReleaseEnvironment
from polytask_ros import names, qos
from polytask_ros.greeting import Greeting
from polytask_ros.inbox import Inbox
from polytask_ros.runtime import initialize, own_name

# An answer that has not come by then is asked for again: over a lossy link it may never come.
RESEND_PERIOD = 0.5
# How often `waiting` is called at least [s].
LOOK_AROUND = 0.05
RELEASE_TIMEOUT = 1.0


def follows(observation: Any, turn: Any) -> bool:
    """Tell whether `observation` is of the same episode as `turn`, and later."""
    return bool(observation.episode == turn.episode and observation.step > turn.step)


class EnvironmentLink:
    """A context and a node of its own, spun in the caller's thread while it waits.

    Again and again meanwhile it calls `waiting`; what that raises ends the wait.

    `find`, `reset` and `ask` raise EnvironmentLost when the server is gone or does not
    answer in time.
    """

    def __init__(
        self,
        namespace: str,
        arguments: Sequence[str],
        timeouts: tuple[float, float],
        waiting: Callable[[], None],
    ) -> None:
        """Open the link; `spec` must be waited for with `find`.

        The `timeouts` are those of an answer and of a reset [s].
        """
        self._timeout, self._reset_timeout = timeouts
        self._waiting = waiting
        self._spec: EnvironmentSpec | None = None
        self._lost = False
        # So that a server never takes two clients for one.
        self._node_options = own_name("environment_client", namespace, arguments)
        self._open()

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
        self._greeting: Greeting | None = Greeting(node, names.RESET)

    def _disconnect(self) -> None:
        self._resets.destroy()
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def close(self) -> None:
        """Close the link, once."""
        self._disconnect()

    def find(self) -> EnvironmentSpec:
        """Wait for the server's specification and return it."""
        self._wait(lambda: self._spec is not None, self._timeout, "has told its specification")
        return self._spec

    def reset(self, task: str, seed: int) -> Any:
        """Ask for a reset and return its result, whatever that is."""
        if self._lost:
            # Discovery may hold one end for gone while the other never noticed; a new participant
            # of the same name is met by both.
            self._disconnect()
            self._open()
        self._lost = True
        self._wait(self._connected, self._timeout, "is connected")
        if self._greeting is not None:
            self._wait(self._greeting.is_answered, self._timeout, "answers")
            self._greeting.close()
            self._greeting = None
        result = self._reset_result(task, seed)
        self._lost = False
        # Of the new episode more may have come already, even its end.
        self._forget_but_after(result.observation)
        return result

    def renew(self) -> None:
        """Meet the server anew at the next reset: it is another one than before."""
        self._lost = True

    def release(self) -> None:
        """Tell the server that others may have the environment; without an answer it finds out."""
        if self._releases.service_is_ready():
            request = ReleaseEnvironment.Request(client=self._node.get_fully_qualified_name())
            future = self._releases.call_async(request)
            self._executor.spin_until_future_complete(future, timeout_sec=RELEASE_TIMEOUT)

    def ask(self, action: Action) -> Any:
        """Send an action and return the observation that answers it, or raise ActionRefused."""
        self._refusals.clear()
        self._actions.publish(action)
        try:
            return self._answer(action)
        except EnvironmentLost:
            self._lost = True
            raise

    def later_than(self, turn: Any, seconds: float) -> Any:
        """Return the next observation of an episode after `turn`; None if none comes in time."""
        end = time.monotonic() + seconds
        while True:
            self._waiting()
            left = end - time.monotonic()
            self._inbox.wait(min(max(left, 0.0), LOOK_AROUND))
            self._forget_but_after(turn)
            if self._observations:
                return self._observations.pop(0)
            if left <= 0:
                return None

    def arrived(self) -> list[Any]:
        """Return the observations that have come and that nothing waited for."""
        self._inbox.wait(0)
        messages = list(self._observations)
        self._observations.clear()
        return messages

    def _answer(self, action: Action) -> Any:
        deadline = time.monotonic() + self._timeout
        resend = time.monotonic() + RESEND_PERIOD
        while True:
            self._waiting()
            self._inbox.wait(LOOK_AROUND)
            # Later ones are left for `arrived`: they say where a world that did not wait is by now.
            self._forget_but_after(action)
            if self._observations and self._observations[0].step == action.step + 1:
                return self._observations.pop(0)
            while self._refusals:
                refusal = self._refusals.pop(0)
                if refusal.episode == action.episode and refusal.step == action.step:
                    raise ActionRefused(Refusal(refusal.code), refusal.message)
            now = time.monotonic()
            if now < resend:
                continue
            if now >= deadline:
                raise EnvironmentLost(f"the environment did not answer within {self._timeout:g} s")
            if self._server.get_publisher_count() == 0:
                raise EnvironmentLost("the environment's server is gone")
            action.resent = True
            self._actions.publish(action)
            resend = now + RESEND_PERIOD

    def _forget_but_after(self, turn: Any) -> None:
        self._observations[:] = [one for one in self._observations if follows(one, turn)]

    def _reset_result(self, task: str, seed: int) -> Any:
        client = self._node.get_fully_qualified_name()
        goal = ResetEnvironment.Goal(task=task, seed=seed, client=client)
        sending = self._resets.send_goal_async(goal)
        try:
            handle = self._wait_for_server(sending, self._timeout, "took the reset")
            ending = handle.get_result_async()
            return self._wait_for_server(ending, self._reset_timeout, "was reset").result
        except BaseException:
            if self._server.get_publisher_count():
                self._break_off(sending)
            raise

    def _break_off(self, sending: Future) -> None:
        """Cancel a reset, and give the world a moment to stand still: who waited may end next."""
        self._executor.spin_until_future_complete(sending, timeout_sec=RELEASE_TIMEOUT)
        if sending.done():
            handle = sending.result()
            handle.cancel_goal_async()
            ending = handle.get_result_async()
            self._executor.spin_until_future_complete(ending, timeout_sec=RELEASE_TIMEOUT)

    def _wait_for_server(self, future: Future, timeout: float, what: str) -> Any:
        def done_or_gone() -> bool:
            return bool(future.done()) or bool(self._server.get_publisher_count() == 0)

        self._wait(done_or_gone, timeout, what)
        if not future.done():
            raise EnvironmentLost("the environment's server is gone")
        return future.result()

    def _wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            self._waiting()
            left = deadline - time.monotonic()
            if left <= 0:
                place = self._node.resolve_topic_name(names.OBSERVATION)
                raise EnvironmentLost(f"no environment on {place} {what} within {timeout:g} s")
            self._executor.spin_once(timeout_sec=min(left, LOOK_AROUND))

    def _connected(self) -> bool:
        return bool(
            self._resets.server_is_ready()
            and self._actions.get_subscription_count()
            and self._server.get_publisher_count()
        )

    def _on_spec(self, message: EnvironmentSpec) -> None:
        self._spec = message
