"""The executable `camera`."""

from polytask_ros.runtime import run_node
from polytask_xarm_driver.ros.camera import Camera


def main() -> None:
    """Publish a camera's pictures until told to end."""
    run_node(Camera)
