"""What a pilot asks for."""

from dataclasses import dataclass
from enum import Enum

from polytask_contract.environment import Turn


class Word(Enum):
    """What the operator says by a button; the value is the button's name in a mapping."""

    START = "start"
    SUCCESS = "success"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Act:
    """Answer `turn` with `values`, each within [-1, 1]; `resent` where it was answered before."""

    turn: Turn
    values: tuple[float, ...]
    resent: bool = False


@dataclass(frozen=True)
class Halt:
    """Make the world stand still at once, because of `reason`."""

    reason: str


@dataclass(frozen=True)
class Say:
    """Tell everybody what the operator says."""

    word: Word


Order = Act | Halt | Say
