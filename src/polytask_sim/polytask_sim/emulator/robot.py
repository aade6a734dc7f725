"""What stands behind the sockets: controller, gripper and tool board, and the world they are in."""

from dataclasses import dataclass, field

from polytask_sim.emulator.controller import Controller
from polytask_sim.emulator.firmware import Firmware
from polytask_sim.emulator.gripper import Gripper
from polytask_sim.emulator.table_world import TableWorld
from polytask_sim.xarm.table import TIMESTEP

# The tool board's register of the speed of its bus, and the number of 2 Mbaud there.
BUS_SPEED, TWO_MEGABAUD = 0x0A0B, 11


@dataclass
class Robot:
    """An arm with its gripper, in a world; one tick is TIMESTEP long."""

    firmware: Firmware
    world: TableWorld
    controller: Controller = field(init=False)
    gripper: Gripper = field(init=False)
    tool_board: dict[int, int] = field(default_factory=lambda: {BUS_SPEED: TWO_MEGABAUD})
    ticks: int = 0

    def __post_init__(self) -> None:
        """Switch everything on where the world has the arm."""
        self.controller = Controller(self.world.seen.joints)
        self.gripper = Gripper(self.world.opening)

    def tick(self) -> None:
        """Let one tick pass."""
        joints = self.controller.tick(self.world.seen, TIMESTEP)
        opening = self.gripper.tick(self.world.opening, TIMESTEP)
        self.world.step(joints, opening)
        self.ticks += 1
