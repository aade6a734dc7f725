"""The executable `expert_learner`."""

from polytask_learning.ros.expert_learner import ExpertLearner
from polytask_ros.runtime import run_node


def main() -> None:
    """Learn what is asked for until told to end."""
    run_node(ExpertLearner)
