"""Frames of the control port: a stream of bytes as requests, and answers to them."""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from polytask_sim.emulator.errors import GarbledStream

HEADER = struct.Struct(">HHH")
# The largest request of the SDK is below 300 bytes.
LONGEST = 2048
MODBUS, HEARTBEAT = 0, 1
FEEDBACK_CODE = 0xFF

INVALID, HAS_ERROR, HAS_WARNING, NOT_READY = 0x08, 0x40, 0x20, 0x10


class Request(NamedTuple):
    """One request: who asked (`transaction`), in which `protocol`, for which function `code`."""

    transaction: int
    protocol: int
    code: int
    payload: bytes

    def answer(self, status: int, payload: bytes = b"") -> bytes:
        """Return the frame that answers this request."""
        body = bytes([self.code, status]) + payload
        return HEADER.pack(self.transaction, self.protocol, len(body)) + body

    def modbus_answer(self, pdu: bytes) -> bytes:
        """Return the frame that answers a standard Modbus request, whose code is the unit."""
        body = bytes([self.code]) + pdu
        return HEADER.pack(self.transaction, self.protocol, len(body)) + body


class Splitter:
    """Cuts a stream into requests, however it was split or joined on its way."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Request]:
        """Return the requests that are complete now; raise GarbledStream when there is no way on.

        Heartbeats and empty frames are passed over.
        """
        self._pending += data
        while len(self._pending) >= HEADER.size:
            transaction, protocol, length = HEADER.unpack_from(self._pending)
            if length > LONGEST:
                raise GarbledStream(f"a frame of {length} bytes; valid: up to {LONGEST}")
            end = HEADER.size + length
            if len(self._pending) < end:
                return
            body, self._pending = self._pending[HEADER.size : end], self._pending[end:]
            if body and protocol != HEARTBEAT:
                yield Request(transaction, protocol, body[0], body[1:])


class Kind(IntEnum):
    """What a client is told unasked: that its move starts, is over, or that a setting counts."""

    START = 1
    FINISH = 2
    TRIGGER = 4


class Result(IntEnum):
    """How a move ended."""

    DONE = 0
    FAILED = 1
    DISCARDED = 2


def feedback(request: Request, status: int, kind: Kind, result: Result, microseconds: int) -> bytes:
    """Return the frame that tells a client, unasked, what becomes of its `request`."""
    body = struct.pack(
        ">BBBBHBQ",
        FEEDBACK_CODE,
        status,
        kind,
        request.code,
        request.transaction,
        result,
        microseconds,
    )
    return HEADER.pack(request.transaction, request.protocol, len(body)) + body
