"""Which commands are followed, and why others are not."""

import math
from dataclasses import dataclass

import numpy as np

from polytask_xarm_driver.arm.command import Command
from polytask_xarm_driver.arm.errors import CommandRefused
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import from_quaternion
from polytask_xarm_driver.arm.stretch import LONGEST_STRETCH, stretch

# How far a quaternion's length may be from 1.
UNIT = 1e-3


@dataclass(frozen=True)
class CommandBounds:
    """What a command may ask for, and how old its stamp may be, `timeout` [s].

    The target lies in the box from `low` to `high` [m], at most `step` [m] and `turn` [rad] from
    where the tool is, and the first after a pause at most `jump` [m]; the arm, with its tool at
    `tool_offset` (6) [m, rad] from the flange, is stretched up to `stretch` [m]; the fingers are up
    to `opening` [m] apart.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    stretch: float
    tool_offset: tuple[float, ...]
    step: float
    jump: float
    turn: float
    opening: float
    timeout: float

    def target(self, command: Command, tool: Pose, *, first: bool) -> Pose:
        """Return the pose that `command` asks for; raise CommandRefused when it is not followed.

        `tool` is where the tool is; `first` tells that the arm stands still without a command.
        """
        self._check_age(command)
        self._check_numbers(command)
        self._check_place(command)
        self._check_opening(command)
        target = Pose(command.position, from_quaternion(command.quaternion))
        self._check_distance(tool, target, first=first)
        self._check_stretch(target)
        return target

    def _check_age(self, command: Command) -> None:
        if not abs(command.age) <= self.timeout:
            when = "old" if command.age > 0 else "in the future"
            raise CommandRefused(
                f"the command's stamp is {abs(command.age):.3g} s {when}; valid: within "
                f"{self.timeout:g} s of this machine's clock"
            )

    def _check_numbers(self, command: Command) -> None:
        numbers = (*command.position, *command.quaternion)
        if not all(map(math.isfinite, numbers)):
            raise CommandRefused(f"the command's pose is {list(numbers)}; valid: finite numbers")
        length = math.hypot(*command.quaternion)
        if not abs(length - 1) <= UNIT:
            raise CommandRefused(f"the command's quaternion has length {length:.4g}; valid: 1")

    def _check_place(self, command: Command) -> None:
        pairs = zip(self.low, command.position, self.high, strict=True)
        if not all(low <= value <= high for low, value, high in pairs):
            raise CommandRefused(
                f"the command's position is {_shown(command.position)} m; valid: from "
                f"{_shown(self.low)} to {_shown(self.high)} m"
            )

    def _check_opening(self, command: Command) -> None:
        if not (math.isnan(command.opening) or 0 <= command.opening <= self.opening):
            raise CommandRefused(
                f"the command's opening is {command.opening:.4g} m; valid: 0 to "
                f"{self.opening:g} m, or NaN"
            )

    def _check_distance(self, tool: Pose, target: Pose, *, first: bool) -> None:
        way = tool.way_to(target)
        distance, largest = float(np.linalg.norm(way.linear)), self.jump if first else self.step
        # Written so that what is not a number is not followed either.
        if not distance <= largest:
            which = "first command" if first else "command"
            raise CommandRefused(
                f"the {which} is {distance:.3f} m away from the tool; valid: up to {largest:g} m"
            )
        angle = float(np.linalg.norm(way.angular))
        if not angle <= self.turn:
            raise CommandRefused(
                f"the command is turned by {angle:.3f} rad from the tool; valid: up to "
                f"{self.turn:g} rad"
            )

    def _check_stretch(self, target: Pose) -> None:
        stretched = stretch(target, self.tool_offset)
        if not stretched <= self.stretch:
            raise CommandRefused(
                f"the command would stretch the arm to {stretched:.3f} m of {LONGEST_STRETCH:.3f} "
                f"from shoulder to wrist; valid: up to {self.stretch:g} m"
            )


def _shown(position: tuple[float, ...]) -> list[float]:
    return [round(value, 4) for value in position]
