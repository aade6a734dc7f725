"""Who looks on while something long is computed, and may break it off."""

from enum import Enum
from typing import Protocol

from polytask_contract.errors import PolyTaskError


class Phase(Enum):
    """What is being done."""

    CLONING = "cloning"
    LEARNING = "learning"
    EVALUATING = "evaluating"
    RELABELLING = "relabelling"
    DISTILLING = "distilling"


class Watch(Protocol):
    """Looks on, often: between any two updates and any two actions."""

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Take note of how much of a phase is `done`; what is raised here breaks it off."""

    def lost(self, error: PolyTaskError) -> None:
        """Return once the environment, which failed with `error`, is worth another try.

        The episode, or the evaluation, that was under way begins anew. Raise to give up.
        """

    def well(self) -> None:
        """Take note that an episode, or an evaluation, has ended as it should."""


class Unwatched:
    """Nobody looks on, and nothing is tried twice."""

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Do nothing."""

    def lost(self, error: PolyTaskError) -> None:
        """Raise `error`."""
        raise error

    def well(self) -> None:
        """Do nothing."""
