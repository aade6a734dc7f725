"""The executable `live`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.live import Live


def main() -> None:
    """Show topics to viewers until told to end."""
    run_node(Live)
