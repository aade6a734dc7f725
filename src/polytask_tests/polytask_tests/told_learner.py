"""A learner on a machine of its own: asked for one expert, it tells over its output how that goes.

    python -m polytask_tests.told_learner NAMESPACE PARAMETERS GOAL

PARAMETERS are those of the node `expert_learner`, GOAL the fields of a TrainExpert goal, both as
JSON. The goal is sent as soon as a line comes in. It ends with the goal, or with its input.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.action import ActionClient

from polytask_msgs.action import TrainExpert
from polytask_msgs.msg import LearningStatus
from polytask_ros import names, qos
from polytask_ros.greeting import Greeting
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_tests.told import heard, tell


def main() -> None:
    """Start the learner, send the goal, and tell of it."""
    namespace, parameters, goal = sys.argv[1:]
    initialize()
    node: Any = rclpy.create_node("asker", namespace=namespace)

    def spin_until(done: Callable[[], bool]) -> bool:
        while not (is_done := done()) and not heard():
            rclpy.spin_once(node, timeout_sec=0.1)
        return is_done

    node.create_subscription(LearningStatus, names.LEARNER_STATUS, _tell_status, qos.LATCHED)
    client = ActionClient(node, TrainExpert, names.TRAIN)
    greeting = Greeting(node, names.TRAIN)
    learner = executable("polytask_learning", "expert_learner")
    with NodeProcess(learner, namespace=namespace, parameters=json.loads(parameters)):
        if spin_until(client.server_is_ready) and spin_until(greeting.is_answered):
            tell(ready=True)
            sys.stdin.readline()
            sending = client.send_goal_async(TrainExpert.Goal(**json.loads(goal)))
            spin_until(sending.done)
            ending = sending.result().get_result_async()
            if spin_until(ending.done):
                result = ending.result().result
                tell(code=result.code, message=result.message, steps=result.steps)
    greeting.close()
    client.destroy()
    node.destroy_node()
    rclpy.try_shutdown()


def _tell_status(status: Any) -> None:
    tell(phase=status.phase, step=status.step, said=status.message)


if __name__ == "__main__":
    main()
