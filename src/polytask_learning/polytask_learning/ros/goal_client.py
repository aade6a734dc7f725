"""Asking nodes for things from a program that does nothing else meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from polytask_contract.errors import PolyTaskError
from polytask_ros.greeting import Greeting
from polytask_ros.runtime import initialize, own_name

# How long a goal that nobody wants any more may take to end [s].
CANCELLING = 5.0
LOOK_AROUND = 0.1


class NoAnswer(PolyTaskError):
    """Nobody offers what was asked for; the message names it."""


class GoalClient:
    """Sends goals and requests, one at a time, and waits in the caller's thread for their results.

    While it waits it calls `waiting` now and then; what that raises ends the wait, and a goal that
    is under way is cancelled.
    """

    def __init__(
        self,
        namespace: str,
        waiting: Callable[[], None] = lambda: None,
        *,
        timeout: float = 30.0,
    ) -> None:
        """Ask the nodes in `namespace`; what is not there within `timeout` seconds is missing."""
        self._waiting, self._timeout = waiting, timeout
        self._context = Context()
        initialize(context=self._context)
        node: Any = rclpy.create_node(
            **own_name("goal_client", namespace),
            context=self._context,
            start_parameter_services=False,
        )
        self._node = node
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)

    def close(self) -> None:
        """Let go of everything."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def achieve(
        self, kind: Any, name: str, goal: Any, feedback: Callable[[Any], None] = lambda _: None
    ) -> Any:
        """Return the result of a goal, whatever it is; `feedback` is told of the way there.

        Raise NoAnswer where there is no such action, or nobody takes the goal.
        """
        client = ActionClient(self._node, kind, name)
        try:
            self._wait(client.server_is_ready, self._node.resolve_topic_name(name))
            self._greet(name)
            sending = client.send_goal_async(
                goal, feedback_callback=lambda message: feedback(message.feedback)
            )
            handle = self._result(sending, f"{name}: an answer to the goal", self._timeout)
            ending = handle.get_result_async()
            try:
                return self._result(ending, f"{name}: a result", None).result
            except BaseException:
                self._cancel(handle, ending)
                raise
        finally:
            client.destroy()

    def call(
        self, kind: Any, name: str, request: Any, *, beside: str, timeout: float | None = None
    ) -> Any:
        """Return the answer to a request; raise NoAnswer where none comes in time.

        `beside` is an action of the node that offers the service: it tells when this is known.
        """
        client = self._node.create_client(kind, name)
        try:
            self._wait(client.service_is_ready, self._node.resolve_service_name(name))
            self._greet(beside)
            answering = client.call_async(request)
            patience = self._timeout if timeout is None else timeout
            return self._result(answering, f"{name}: an answer", patience)
        finally:
            self._node.destroy_client(client)

    def _greet(self, name: str) -> None:
        greeting = Greeting(self._node, name)
        try:
            self._until(greeting.is_answered, f"{name} does not answer", self._timeout)
        finally:
            greeting.close()

    def _cancel(self, handle: Any, ending: Future) -> None:
        handle.cancel_goal_async()
        deadline = time.monotonic() + CANCELLING
        while not ending.done() and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=LOOK_AROUND)

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        self._until(ready, f"nobody offers {what}", self._timeout)

    def _result(self, future: Future, what: str, timeout: float | None) -> Any:
        self._until(lambda: bool(future.done()), f"{what} did not come", timeout)
        return future.result()

    def _until(self, done: Callable[[], bool], problem: str, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not done():
            self._waiting()
            if deadline is not None and time.monotonic() > deadline:
                raise NoAnswer(f"{problem} within {timeout:g} s")
            self._executor.spin_once(timeout_sec=LOOK_AROUND)
