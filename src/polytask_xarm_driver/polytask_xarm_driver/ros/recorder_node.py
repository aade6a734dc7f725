"""The executable `recorder`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.recorder import Recorder


def main() -> None:
    """Record what is asked for until told to end."""
    run_node(Recorder)
