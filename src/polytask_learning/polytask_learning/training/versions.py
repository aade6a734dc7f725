"""What a run was made with, so that it can be made again."""

import platform
from importlib.metadata import PackageNotFoundError, version

# What changes a result when it changes; a suite's simulator is there where it is installed.
PACKAGES = ("polytask_learning", "torch", "numpy", "mujoco", "metaworld", "dm-control")


def versions() -> dict[str, str]:
    """Return the version of Python, and of each of PACKAGES that is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
