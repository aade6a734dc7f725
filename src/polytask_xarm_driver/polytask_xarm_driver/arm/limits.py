"""What the controller itself is to keep, whatever it is told later."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

JOINTS = 7
# How far a value may lie from what was set: boundaries are told in whole millimetres, the rest
# passes through single precision [SI].
TOLERANCES = {"boundary_low": 6e-4, "boundary_high": 6e-4, "load_centre": 6e-4}
TOLERANCE = 1.1e-3

Value = bool | int | float | tuple[float, ...]


@dataclass(frozen=True)
class Limits:
    """Limits and settings that are set and read back; lengths in metres, angles in radians.

    The reduced mode holds the tool below `tool_speed` [m/s] and the joints below `joint_speed`
    [rad/s] and within their ranges; the fence holds the tool within the boundary. `sensitivity` to
    collisions is 0 (off) to 5. `tool_offset` is x, y, z, roll, pitch, yaw from the flange, and
    `load_mass` [kg] sits at `load_centre`.
    """

    reduced_mode: bool
    tool_speed: float
    joint_speed: float
    boundary_low: tuple[float, ...]
    boundary_high: tuple[float, ...]
    joints_low: tuple[float, ...]
    joints_high: tuple[float, ...]
    fence: bool
    rebound: bool
    sensitivity: int
    tool_offset: tuple[float, ...]
    load_mass: float
    load_centre: tuple[float, ...]

    def difference(self, found: "Limits") -> str:
        """Return one sentence on the first value that `found` has otherwise; empty for none."""
        for name, wanted, there in self._pairs(found):
            if not _agree(wanted, there, TOLERANCES.get(name, TOLERANCE)):
                words = name.replace("_", " ")
                return (
                    f"the controller's {words} is {_shown(there)} and was set to {_shown(wanted)}"
                )
        return ""

    def _pairs(self, found: "Limits") -> Iterator[tuple[str, Value, Value]]:
        for field in fields(self):
            yield field.name, getattr(self, field.name), getattr(found, field.name)


def _agree(wanted: Value, there: Value, tolerance: float) -> bool:
    if isinstance(wanted, tuple) and isinstance(there, tuple):
        pairs = zip(wanted, there, strict=True)
        return len(wanted) == len(there) and all(_agree(*pair, tolerance) for pair in pairs)
    if isinstance(wanted, tuple) or isinstance(there, tuple):
        return False
    # A value that is not a number agrees with nothing.
    return abs(wanted - there) <= tolerance


def _shown(value: Value) -> str:
    if isinstance(value, tuple):
        return str([round(float(each), 4) for each in value])
    return str(round(value, 4)) if isinstance(value, float) else str(value)
