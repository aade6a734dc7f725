"""Which ROS 2 Jazzy to use: the one that is sourced, or the wheels."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from workspace.failure import SetupError

DISTRIBUTION = "jazzy"

_PROBE = (
    "import os, sys, rclpy; "
    "print(os.path.realpath(sys.executable) if sys.version_info[:2] in ((3, 11), (3, 12)) else '')"
)


def is_sourced(environ: Mapping[str, str]) -> bool:
    """Whether a ROS 2 Jazzy is sourced. Raises SetupError for any other distribution.

    Container images set ROS_DISTRO before anything is sourced, so that alone does not count.
    """
    distribution = environ.get("ROS_DISTRO", "")
    if distribution not in ("", DISTRIBUTION):
        raise SetupError(
            f"ROS 2 {distribution} is sourced, but PolyTask is made for {DISTRIBUTION}; "
            f"use a shell with {DISTRIBUTION} sourced, or with no ROS (the wheels are then used)"
        )
    return distribution == DISTRIBUTION and bool(environ.get("AMENT_PREFIX_PATH"))


def base_python(sourced: bool) -> str:
    """Find the Python to make the virtual environment with.

    Without ROS it is the one that runs this; with ROS the first that can import its rclpy.
    Raises SetupError when none can.
    """
    running = os.path.realpath(sys.executable)
    if not sourced:
        return running
    for candidate in (running, "python3", "python3.12", "python3.11"):
        found = shutil.which(candidate)
        answer = _ask(found) if found else ""
        if answer:
            return answer
    raise SetupError(
        "ROS 2 Jazzy is sourced, but no Python 3.11 or 3.12 here can import its rclpy; "
        "install ros-jazzy-rclpy, or use a shell with no ROS sourced (the wheels are then used)"
    )


def _ask(python: str) -> str:
    answer = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""
