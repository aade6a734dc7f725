"""Payloads of the private protocol: little-endian floats and 32-bit integers, single bytes."""

import struct

import numpy as np
from numpy.typing import NDArray

from polytask_sim.emulator.errors import BadPayload

MM = 1e-3
LINEAR = np.array([MM, MM, MM, 1.0, 1.0, 1.0])


class Payload:
    """Reads a request's payload from its beginning."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte of `data`."""
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """How many bytes are still unread."""
        return len(self._data) - self._at

    def floats(self, count: int) -> NDArray[np.float64]:
        """Return the next `count` floats; raise BadPayload when there are fewer."""
        return np.array(struct.unpack(f"<{count}f", self._take(4 * count)))

    def number(self) -> float:
        """Return the next float; raise BadPayload when there is none."""
        return float(self.floats(1)[0])

    def integers(self, count: int) -> NDArray[np.float64]:
        """Return the next `count` 32-bit integers; raise BadPayload when there are fewer."""
        return np.frombuffer(self._take(4 * count), "<i4").astype(np.float64)

    def byte(self) -> int:
        """Return the next byte; raise BadPayload when there is none."""
        return self._take(1)[0]

    def optional_byte(self) -> int:
        """Return the next byte, or 0 when there is none."""
        return self.byte() if self.left else 0

    def short(self) -> int:
        """Return the next 16-bit number, big-endian; raise BadPayload when there is none."""
        return int.from_bytes(self._take(2), "big")

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self._take(self.left)

    def pose(self) -> NDArray[np.float64]:
        """Return the next six floats, in mm and rad, in m and rad."""
        return np.asarray(self.floats(6) * LINEAR)

    def _take(self, size: int) -> bytes:
        if size > self.left:
            raise BadPayload(f"a payload has {self.left} bytes left; valid: at least {size}")
        self._at += size
        return self._data[self._at - size : self._at]


def floats(values: NDArray[np.float64] | list[float] | tuple[float, ...]) -> bytes:
    """Return `values` as the wire has floats."""
    return np.asarray(values, "<f4").tobytes()


def pose(values: NDArray[np.float64]) -> bytes:
    """Return a pose (6) [m, rad] in mm and rad."""
    return floats(np.asarray(values) / LINEAR)


def shorts(values: NDArray[np.float64]) -> bytes:
    """Return `values` as big-endian signed 16-bit integers."""
    return struct.pack(f">{len(values)}h", *(round(float(value)) for value in values))
