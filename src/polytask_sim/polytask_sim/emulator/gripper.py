"""The maker's gripper: what its registers say, and where its fingers are to be."""

from collections.abc import Mapping

from polytask_contract.table import FINGER_TRAVEL

ENABLE, MODE, SPEED, TARGET, CLEAR_ERROR = 0x0100, 0x0101, 0x0303, 0x0700, 0x0109
STATUS, ERROR, POSITION, VERSION = 0x0000, 0x000F, 0x0702, 0x0801
WHICH_VERSION = (3, 4, 3)
STOPPED, MOVING, HOLDING = 0, 1, 2
# The maker's counts from closed to open, and how far beyond them a target may be.
OPEN, LOWEST, HIGHEST = 850, -10, 850
SLOWEST_TURNS, FASTEST_TURNS, TURNS_AT_START = 1, 5000, 1500
# Counts a second for each turn a minute: the full way takes 0.85 s at the largest speed.
COUNTS_PER_TURN = 0.2
# Fingers this near to their target have arrived, and slower than this stand [counts, counts/s].
NEAR, STANDING = 8.0, 10.0


class Gripper:
    """Positions are the maker's counts: 0 closed, 850 open."""

    def __init__(self, opening: float) -> None:
        """Begin with each finger `opening` [m] from the middle, not enabled."""
        self.enabled = False
        self.error = 0
        self._turns = TURNS_AT_START
        self._command = self._seen = self._target = counts_of(opening)
        self._rate = 0.0

    @property
    def position(self) -> int:
        """Where the fingers are seen [counts]."""
        return round(self._seen)

    @property
    def status(self) -> int:
        """STOPPED, MOVING or HOLDING, which is standing short of the target."""
        if self._command != self._target or abs(self._rate) > STANDING:
            return MOVING
        reached = abs(self._seen - max(0, self._target)) < NEAR
        return STOPPED if reached else HOLDING

    @property
    def registers(self) -> Mapping[int, int]:
        """What can be read, by address; a position takes two addresses."""
        versions = {VERSION + place: part for place, part in enumerate(WHICH_VERSION)}
        position = self.position & 0xFFFFFFFF
        return {
            STATUS: self.status,
            ERROR: self.error,
            ENABLE: int(self.enabled),
            MODE: 0,
            SPEED: self._turns,
            POSITION: position >> 16,
            POSITION + 1: position & 0xFFFF,
            **versions,
        }

    def write(self, address: int, value: int) -> None:
        """Take the signed `value` at `address`; what is not known has no effect."""
        if address == ENABLE:
            self.enabled = bool(value)
            if not value:
                self._target = self._command
        elif address == SPEED:
            self._turns = min(max(value, SLOWEST_TURNS), FASTEST_TURNS)
        elif address == TARGET and self.enabled:
            self._target = float(min(max(value, LOWEST), HIGHEST))
        elif address == CLEAR_ERROR:
            self.error = 0

    def tick(self, opening: float, step: float) -> float:
        """Return each finger's commanded way from the middle [m], given where it is seen."""
        seen = counts_of(opening)
        self._rate += 0.2 * ((seen - self._seen) / step - self._rate)
        self._seen = seen
        longest = self._turns * COUNTS_PER_TURN * step
        self._command += min(max(self._target - self._command, -longest), longest)
        return min(max(self._command / OPEN, 0.0), 1.0) * FINGER_TRAVEL


def counts_of(opening: float) -> float:
    """Return a finger's way from the middle [m] in the maker's counts."""
    return opening / FINGER_TRAVEL * OPEN
