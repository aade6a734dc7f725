"""Transitions that a lifecycle node does not have in its present state, or has no time for."""

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode


def refuse_impossible_transitions(
    node: LifecycleNode, under_way: Callable[[], str] = lambda: ""
) -> None:
    """Let `node` answer, and say, that such a transition is not possible: rclpy would end it.

    `under_way` names what no transition may come in between of; empty for nothing.
    """
    service, machine = node._service_change_state, node._state_machine
    change = service.callback

    def answer(request: Any, response: Any) -> Any:
        possible = {one[0]: one[1] for one in machine.available_transitions}
        asked = request.transition
        known = asked.label in possible.values() if asked.label else asked.id in possible
        if not known:
            valid = ", ".join(f"{label} ({number})" for number, label in possible.items())
            why = f"is not possible from {machine.current_state[1]}; valid: {valid}"
        elif hindrance := under_way():
            why = f"is not possible now: {hindrance}; valid: any, once it has ended"
        else:
            return change(request, response)
        name = asked.label or possible.get(asked.id, asked.id)
        node.get_logger().error(f"the transition {name} {why}")
        response.success = False
        return response

    service.callback = answer
