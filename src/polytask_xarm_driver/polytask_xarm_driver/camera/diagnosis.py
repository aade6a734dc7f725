"""What is to be said of a camera."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a camera does, from best to worst."""

    GOOD = "good"
    WAITING = "waiting"
    SLOW = "slow"
    LATE = "late"
    FROZEN = "frozen"
    LOST = "lost"


@dataclass(frozen=True)
class Diagnosis:
    """A camera's state, the sentence that explains it, and what was measured.

    `rate` is pictures a second [1/s], 0 while there are none; `latency` is the time from the newest
    picture's exposure to its publication [s]; `age` is the time since then [s], None before the
    first; `dropped` counts the pictures that the source made and that never came here [-].
    """

    state: State
    message: str
    rate: float
    latency: float
    age: float | None
    dropped: int
