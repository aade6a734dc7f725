"""What a TaskGoal asks of a policy."""

from typing import Any, NamedTuple

from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import UnknownGoal
from polytask_learning.ros.goal_errors import InvalidGoal, named
from polytask_learning.training.acting import ActingPolicy
from polytask_msgs.msg import TaskGoal
from polytask_ros.messages import image_array

MODALITIES = {
    TaskGoal.ONE_HOT: "onehot",
    TaskGoal.TEXT: "language",
    TaskGoal.IMAGE: "image",
    TaskGoal.INDEX: "index",
}


class Wanted(NamedTuple):
    """The policy with the goal in front of it, and the task that is meant."""

    policy: ActingPolicy
    task: str


def taken(policy: UnifiedPolicy) -> dict[int, str]:
    """Return the modalities that `policy` takes, by the constants of TaskGoal."""
    return {number: name for number, name in MODALITIES.items() if name in policy.book.modalities}


def wanted(policy: UnifiedPolicy, goal: Any, task: str) -> Wanted:
    """Return what the TaskGoal `goal` asks of `policy`, to be done in `task`, "" if not told.

    A picture does not say which task it shows, so that must be told. Raise InvalidGoal for what is
    no goal of this policy (of `goals.errors` or `ros.goal_errors`), MalformedMessage for what is no
    picture, and UnknownGoal for a task that the policy does not have.
    """
    modality = named("goal.modality", goal.modality, taken(policy))
    if modality == "image":
        if not task:
            valid = ", ".join(policy.tasks)
            raise InvalidGoal(f"task is empty, and a picture names none; valid: {valid}")
        return Wanted(policy.policy_of(modality, image_array(goal.image)), task)
    # A sentence is shown as the policy has learnt it, which it knows better than a paraphrase.
    meant = policy.understood(goal.text).task if modality == "language" else _numbered(policy, goal)
    return Wanted(policy.policy_for(meant, modality), meant)


def _numbered(policy: UnifiedPolicy, goal: Any) -> str:
    """Return the task at the index of a ONE_HOT or INDEX goal."""
    known = len(policy.tasks)
    if goal.modality == TaskGoal.ONE_HOT:
        if goal.count != known:
            raise InvalidGoal(f"goal.count is {goal.count}; valid: {known}, the policy's tasks")
        if goal.index >= known:
            raise InvalidGoal(f"goal.index is {goal.index} of {known}; valid: 0 to {known - 1}")
    elif goal.index >= known:
        tasks = ", ".join(f"{number} ({task})" for number, task in enumerate(policy.tasks))
        raise UnknownGoal(f"the policy has no task at goal.index {goal.index}; valid: {tasks}")
    task: str = policy.tasks[goal.index]
    return task


def described(goal: Any, task: str) -> str:
    """Return what the TaskGoal `goal`, to be done in `task`, looks like before it is understood."""
    name = MODALITIES.get(goal.modality, f"modality {goal.modality}")
    words = {TaskGoal.TEXT: f"the goal {goal.text!r}", TaskGoal.IMAGE: "a goal picture"}
    said = words.get(goal.modality, f"the {name} goal {goal.index}")
    return f"{said} in {task}" if task else said
