"""Errors that cross the contract. Each names the bad value and the valid ones."""

from collections.abc import Iterable
from enum import IntEnum


class PolyTaskError(Exception):
    """Base of every error that PolyTask raises on purpose."""


class Refusal(IntEnum):
    """Why an action is not taken; the values are those of polytask_msgs/ActionRefusal."""

    WRONG_SIZE = 20
    NOT_FINITE = 21
    OUT_OF_RANGE = 22
    NO_EPISODE = 23
    WRONG_EPISODE = 24
    WRONG_STEP = 25


class ActionRefused(PolyTaskError):
    """An action was not taken; the world did not move and the turn is still open."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        """Keep the `refusal` for programs and the `message` for people."""
        super().__init__(message)
        self.refusal = refusal


class UnknownName(PolyTaskError):
    """A suite, task or other thing was asked for by a name that nothing has."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        """Say that there is no `kind` called `name`, and list the `valid` names."""
        names = ", ".join(valid) or "none"
        super().__init__(f"there is no {kind} {name!r}; valid: {names}")


class UnusableSuite(PolyTaskError):
    """A suite is listed, but what it is made of is not installed."""


class InvalidSeed(PolyTaskError):
    """A seed lies outside what an episode can be drawn from."""

    def __init__(self, seed: int) -> None:
        """Name the `seed`."""
        super().__init__(f"the seed is {seed}; valid: 0 to 2**64 - 1")


class InvalidSpecification(PolyTaskError):
    """A specification contradicts itself; the message names the field."""


class EnvironmentClosed(PolyTaskError):
    """An environment was used after `close`."""


class EnvironmentBusy(PolyTaskError):
    """Another client holds the environment; the message names it and when it is let go."""


class EnvironmentLost(PolyTaskError):
    """The environment did not answer in time, or no longer knows the episode; reset to go on."""


class NoDemonstrator(PolyTaskError):
    """A suite has no scripted policy for a task; the message says what to use instead."""


class WorldStopped(PolyTaskError):
    """A robot stopped in mid-episode, or cannot tell what there is; the message says why."""


class ResetFailed(PolyTaskError):
    """The environment could not be brought to a start; the message says why."""
