"""The executable `policy`."""

from polytask_learning.ros.policy import PolicyServer
from polytask_ros.runtime import run_node


def main() -> None:
    """Let a policy act on request until told to end."""
    run_node(PolicyServer)
