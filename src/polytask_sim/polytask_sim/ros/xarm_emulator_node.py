"""The executable `xarm_emulator`."""

from polytask_ros.runtime import run_node
from polytask_sim.ros.xarm_emulator import XarmEmulator


def main() -> None:
    """Emulate an xArm 7 until told to end."""
    run_node(XarmEmulator)


if __name__ == "__main__":
    main()
