"""Asking a node that may only just have begun, in a test, so that its answer comes.

A server answers nobody whom it does not know yet, and that a client knows the server says nothing
about that. What a node announces first is known first: an answer to a later client tells of all.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rcl_interfaces.srv import GetParameters
from rclpy.action import ActionClient
from rclpy.task import Future

from polytask_ros.greeting import Greeting

# An introduction that has not been answered by then was not understood [s].
PERIOD = 0.5


def ask(
    node: Any,
    wait_for: Callable[[Callable[[], Any]], Any],
    server: str,
    kind: Any,
    name: str,
    question: Any,
) -> Any:
    """Return the answer of the service `name` of the node `server`, asked once.

    `wait_for` spins `node` until what it is given returns something true.
    """
    client = node.create_client(kind, name)
    introduction = node.create_client(GetParameters, f"{server}/get_parameters")
    introduced: list[Future] = []
    due = 0.0

    def known() -> bool:
        nonlocal due
        if time.monotonic() >= due and introduction.service_is_ready():
            due = time.monotonic() + PERIOD
            introduced.append(introduction.call_async(GetParameters.Request()))
        return any(each.done() for each in introduced) and bool(client.service_is_ready())

    try:
        wait_for(known)
        answer = client.call_async(question)
        wait_for(answer.done)
        return answer.result()
    finally:
        node.destroy_client(introduction)
        node.destroy_client(client)


@contextmanager
def action_client(
    node: Any, wait_for: Callable[[Callable[[], Any]], Any], kind: Any, name: str
) -> Iterator[ActionClient]:
    """Give a client of the action `name` that its server knows; `wait_for` is as in `ask`."""
    client = ActionClient(node, kind, name)
    greeting = Greeting(node, name)
    try:
        wait_for(client.server_is_ready)
        wait_for(greeting.is_answered)
        yield client
    finally:
        greeting.close()
        client.destroy()
