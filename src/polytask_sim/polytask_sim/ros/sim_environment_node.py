"""The executable `sim_environment`."""

from polytask_ros.runtime import run_node
from polytask_sim.ros.sim_environment import SimEnvironment


def main() -> None:
    """Serve a suite until told to end."""
    run_node(SimEnvironment)
