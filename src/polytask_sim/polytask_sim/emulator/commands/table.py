"""All function codes, and how a request is answered."""

from collections.abc import Mapping

from polytask_sim.emulator.commands import modbus
from polytask_sim.emulator.commands.call import Call, Command
from polytask_sim.emulator.commands.moves import MOVES
from polytask_sim.emulator.commands.questions import QUESTIONS
from polytask_sim.emulator.commands.switches import SWITCHES
from polytask_sim.emulator.commands.tool import TOOL
from polytask_sim.emulator.errors import BadPayload, Refused
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.wire.framing import INVALID, MODBUS, Request
from polytask_sim.xarm.kinematics import Unreachable

COMMANDS: Mapping[int, Command] = {**QUESTIONS, **SWITCHES, **MOVES, **TOOL}
PRIVATE = (2, 3)


def answer(robot: Robot, request: Request, call: Call) -> bytes | None:
    """Do what `request` asks for and return the answer's frame; None to another protocol's."""
    if request.protocol == MODBUS:
        return modbus.answer(request, robot.controller)
    if request.protocol not in PRIVATE:
        return None
    command = COMMANDS.get(request.code)
    if command is None:
        return request.answer(robot.controller.status | INVALID)
    try:
        payload = command.perform(robot, call)
    except (BadPayload, Refused, Unreachable):
        return request.answer(robot.controller.status | INVALID, bytes(command.size))
    return request.answer(robot.controller.status, payload)
