"""Transitions that a lifecycle node does not have in its present state."""

from typing import Any

from rclpy.lifecycle import LifecycleNode


def refuse_impossible_transitions(node: LifecycleNode) -> None:
    """Let `node` answer, and say, that such a transition is not possible: rclpy would end it."""
    service, machine = node._service_change_state, node._state_machine
    change = service.callback

    def answer(request: Any, response: Any) -> Any:
        possible = {one[0]: one[1] for one in machine.available_transitions}
        asked = request.transition
        known = asked.label in possible.values() if asked.label else asked.id in possible
        if not known:
            node.get_logger().error(
                f"the transition {asked.label or asked.id!r} is not possible from "
                f"{machine.current_state[1]}; valid: "
                + ", ".join(f"{label} ({number})" for number, label in possible.items())
            )
            response.success = False
            return response
        return change(request, response)

    service.callback = answer
