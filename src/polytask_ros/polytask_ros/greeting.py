"""Whether an action server knows its client already.

A server's answer to a client that it has not discovered yet goes nowhere, and the client waits for
it in vain; that the client has discovered the server says nothing about it. What is announced first
is discovered first, so an answer to a later client of the same node tells of all before it.
"""

import time
import uuid
from typing import Any

from action_msgs.msg import GoalInfo
from action_msgs.srv import CancelGoal
from rclpy.task import Future

# A greeting that has not been answered by then was not understood [s].
PERIOD = 0.5


class Greeting:
    """Asks for the cancelling of a goal that there is not, until that is answered.

    It must be made after the action's own client. The node must be spun meanwhile.
    """

    def __init__(self, node: Any, action: str) -> None:
        """Greet the server of `action`, from `node`."""
        self._node = node
        self._client = node.create_client(CancelGoal, f"{action}/_action/cancel_goal")
        self._answer: Future | None = None
        self._asked = 0.0

    def is_answered(self) -> bool:
        """Tell whether the server has answered; ask again where it was silent for too long."""
        if self._answer is not None and self._answer.done():
            return True
        now = time.monotonic()
        if now - self._asked > PERIOD and self._client.service_is_ready():
            if self._answer is not None:
                self._client.remove_pending_request(self._answer)
            nobody = GoalInfo()
            nobody.goal_id.uuid = list(uuid.uuid4().bytes)
            self._answer = self._client.call_async(CancelGoal.Request(goal_info=nobody))
            self._asked = now
        return False

    def close(self) -> None:
        """Let go of the client."""
        self._node.destroy_client(self._client)
