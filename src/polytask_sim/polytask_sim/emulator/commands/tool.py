"""Function codes of what is at the flange: the gripper's bus and the tool board."""

import struct
from collections.abc import Mapping

from polytask_sim.emulator.commands.call import Call, Command
from polytask_sim.emulator.commands.gripper_bus import exchange
from polytask_sim.emulator.errors import Refused
from polytask_sim.emulator.robot import Robot

LARGEST = 2.0**31


def gripper(robot: Robot, call: Call) -> bytes:
    """Pass on to the gripper what its bus carries, and return its answer."""
    return exchange(robot.gripper, call.payload)


def write_board(robot: Robot, call: Call) -> bytes:
    """Write a register of the tool board."""
    call.payload.byte()
    address = call.payload.short()
    value = call.payload.number()
    if not abs(value) < LARGEST:
        raise Refused(f"{value}; valid: a 32-bit number")
    robot.tool_board[address] = int(value)
    return b""


def read_board(robot: Robot, call: Call) -> bytes:
    """Answer with a register of the tool board."""
    call.payload.byte()
    return struct.pack(">i", robot.tool_board.get(call.payload.short(), 0))


def last_board_error(robot: Robot, call: Call) -> bytes:
    """Answer with the tool board's errors: none."""
    del robot, call
    return bytes(2)


TOOL: Mapping[int, Command] = {
    124: Command(gripper),
    125: Command(last_board_error, 2),
    127: Command(write_board),
    128: Command(read_board, 4),
}
