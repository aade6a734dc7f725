"""The tool's serial bus: Modbus RTU without its checksum, as code 124 carries it to the gripper."""

import struct

from polytask_sim.emulator.errors import Refused
from polytask_sim.emulator.gripper import Gripper
from polytask_sim.emulator.wire.payload import Payload

HOST, GRIPPER = 9, 8
READ, WRITE = 3, 0x10


def exchange(gripper: Gripper, payload: Payload) -> bytes:
    """Return what comes back over the bus; raise Refused when nobody there answers."""
    host, device, function = payload.byte(), payload.byte(), payload.byte()
    if (host, device) != (HOST, GRIPPER):
        raise Refused(f"nobody answers at {host}, {device}; valid: {HOST}, {GRIPPER}")
    address, count = payload.short(), payload.short()
    if function == READ:
        registers = gripper.registers
        values = [registers.get(address + place, 0) for place in range(count & 0x7F)]
        data = struct.pack(f">{len(values)}H", *values)
        return bytes([host, device, function, len(data)]) + data
    if function != WRITE:
        raise Refused(f"function {function}; valid: {READ} and {WRITE}")
    size = payload.byte()
    data = payload.rest()
    if size != len(data) or size != 2 * count or size not in (2, 4):
        raise Refused(f"{len(data)} bytes for {count} registers; valid: 1 or 2 registers")
    gripper.write(address, int.from_bytes(data, "big", signed=True))
    return struct.pack(">BBBHH", host, device, function, address, count)
