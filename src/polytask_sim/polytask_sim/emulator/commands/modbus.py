"""Standard Modbus on the control port: what can be read of the controller, and exceptions."""

import struct

from polytask_sim.emulator.controller import Controller
from polytask_sim.emulator.wire.framing import Request

READ_HOLDING, READ_INPUT = 3, 4
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
LARGEST_COUNT = 125
MODE, STATE, ERROR, WARNING = 0x20, 0x21, 0x20, 0x21


def answer(request: Request, controller: Controller) -> bytes:
    """Return the answer to a request of protocol 0: the registers asked for, or an exception."""
    pdu = request.payload
    if not pdu:
        return request.modbus_answer(bytes([0x80, ILLEGAL_FUNCTION]))
    if pdu[0] not in (READ_HOLDING, READ_INPUT):
        return request.modbus_answer(bytes([pdu[0] & 0x7F | 0x80, ILLEGAL_FUNCTION]))
    if len(pdu) != 5:
        return request.modbus_answer(bytes([pdu[0] | 0x80, ILLEGAL_VALUE]))
    start, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= LARGEST_COUNT:
        return request.modbus_answer(bytes([pdu[0] | 0x80, ILLEGAL_VALUE]))
    if pdu[0] == READ_HOLDING:
        registers = {MODE: int(controller.mode), STATE: int(controller.state)}
    else:
        registers = {ERROR: controller.error, WARNING: controller.warning}
    try:
        values = [registers[start + place] for place in range(count)]
    except KeyError:
        return request.modbus_answer(bytes([pdu[0] | 0x80, ILLEGAL_ADDRESS]))
    return request.modbus_answer(struct.pack(f">BB{count}H", pdu[0], 2 * count, *values))
