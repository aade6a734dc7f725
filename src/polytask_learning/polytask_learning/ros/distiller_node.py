"""The executable `distiller`."""

from polytask_learning.ros.distiller import Distiller
from polytask_ros.runtime import run_node


def main() -> None:
    """Distil what is asked for until told to end."""
    run_node(Distiller)
