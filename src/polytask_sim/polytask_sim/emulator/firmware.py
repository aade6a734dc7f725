"""The controller's firmware version, on which the SDK makes its wire format depend."""

import re
from typing import NamedTuple

from polytask_sim.emulator.errors import InvalidFirmware

OLDEST, LAST_MAJOR = (1, 8, 100), 9
VERSION_SIZE = 40
ARM_SERIAL, BOX_SERIAL = "XS1304", "AC1303"


class Firmware(NamedTuple):
    """A version of the firmware, from 1.8.100 to 9.x."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Firmware":
        """Return the version that `text` names; raise InvalidFirmware."""
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text)
        if match:
            firmware = cls(*map(int, match.groups()))
            if firmware >= OLDEST and firmware.major <= LAST_MAJOR:
                return firmware
        oldest = ".".join(map(str, OLDEST))
        raise InvalidFirmware(f"firmware is {text!r}; valid: X.Y.Z from {oldest} to {LAST_MAJOR}.x")

    @property
    def common_moves(self) -> bool:
        """Whether code 21 carries a radius, a frame and a kind of turn."""
        return self >= (1, 11, 100)

    @property
    def feedback(self) -> bool:
        """Whether the controller tells a client when its motion is over."""
        return self >= (2, 0, 102)

    def __str__(self) -> str:
        """Return the version as the maker writes it."""
        return f"v{self.major}.{self.minor}.{self.patch}"

    def banner(self) -> bytes:
        """Return the answer to the first request of every client."""
        text = f"7,7,{ARM_SERIAL},{BOX_SERIAL},{self}".encode()
        return text.ljust(VERSION_SIZE, b"\0")


def serial_numbers() -> bytes:
    """Return the arm's and the box's serial numbers as code 2 answers them."""
    text = f"{ARM_SERIAL}\0{BOX_SERIAL}\0".encode()
    return text.ljust(VERSION_SIZE, b"\0")
