"""What an environment server serves, told without ROS."""

from collections.abc import Generator
from typing import NamedTuple, Protocol

import dm_env

from polytask_contract.environment import Action
from polytask_contract.specification import Specification


class Progress(NamedTuple):
    """How far a reset is: what it is doing, and the share that is done, 0 to 1."""

    phase: str
    share: float


class World(Protocol):
    """A simulated suite or a robot, one task at a time.

    The server calls it from one thread and hands it only valid tasks and actions.
    """

    @property
    def specification(self) -> Specification:
        """What the environment is."""

    def begin(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Bring the world to the start of an episode and return its first time step.

        Each yield lets the server breathe: a cancelled reset closes the generator there, so a robot
        yields every few milliseconds and stands still when closed. Raise ResetFailed when there
        is no way to a start: a robot then stands still, too, whatever becomes of it later.
        """

    def anticipate(self, action: Action) -> None:
        """Take note, in real time, of the action that the period's `advance` will bring.

        A robot begins to move at once. Where several come in a period the newest counts.
        """

    def advance(self, action: Action) -> dm_env.TimeStep:
        """Move the world by one control period; for a robot, which has moved: see where it is.

        Raise WorldStopped when the robot has stopped by itself, or cannot be seen any more.
        """

    def halt(self, reason: str) -> None:
        """Stand still at once, for `reason`; the episode goes on with the next action."""

    def stop(self, reason: str) -> None:
        """Stand still until the next reset: the episode was given up for `reason`."""

    def close(self) -> None:
        """Free what the world holds."""
