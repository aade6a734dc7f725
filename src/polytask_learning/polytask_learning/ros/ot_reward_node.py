"""The executable `ot_reward`."""

from polytask_learning.ros.ot_reward import OtReward
from polytask_ros.runtime import run_node


def main() -> None:
    """Match what is asked for until told to end."""
    run_node(OtReward)
