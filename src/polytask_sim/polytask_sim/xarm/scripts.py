"""Scripted experts of the table's tasks: where the tool goes next, told from the state alone."""

import abc
from collections.abc import Callable
from typing import NamedTuple

import dm_env
import numpy as np

from polytask_contract.environment import Action
from polytask_contract.errors import InvalidSpecification
from polytask_contract.suites import Policy
from polytask_contract.table import MEASURES, THINGS
from polytask_sim.xarm.insert import CUPS
from polytask_sim.xarm.kinematics import Vector
from polytask_sim.xarm.open_box import BOXES, HANDLE
from polytask_sim.xarm.pour import BOWLS

LONGEST_MOVE = 0.025
OPEN, CLOSE = 1.0, -1.0
# Fingers that are closer to the middle hold nothing [m].
EMPTY = 0.004
ABOVE, IN_FRONT = np.array([0, 0, 0.07]), np.array([-0.035, 0, 0])


class Seen(NamedTuple):
    """What the state tells, by name."""

    tool: Vector
    fingers: float
    tilt: float
    things: Vector
    measures: Vector


class Script(abc.ABC):
    """Moves the tool as `next` says, and holds still for as long as the task is accomplished."""

    def __call__(self, timestep: dm_env.TimeStep) -> Action:
        """Return the next action; raise InvalidSpecification when the state is kept."""
        if "state" not in timestep.observation:
            raise InvalidSpecification("the scripts of xarm need the state; ask for it")
        state = timestep.observation["state"].astype(np.float64)
        things = state[5 : 5 + 3 * THINGS].reshape(THINGS, 3)
        seen = Seen(state[:3], state[3], state[4], things, state[5 + 3 * THINGS :][:MEASURES])
        if timestep.first():
            self.start(seen)
        if timestep.observation["success"]:
            return np.zeros(4, np.float32)
        target, fourth = self.next(seen)
        move = np.clip((target - seen.tool) / LONGEST_MOVE, -1, 1)
        return np.append(move, fourth).astype(np.float32)

    def start(self, seen: Seen) -> None:  # noqa: B027  # most have nothing to forget
        """Forget the episode before; `seen` is how the new one begins."""

    @abc.abstractmethod
    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return where the tool goes, and the fourth value of the action."""


class InsertScript(Script):
    """Above the cup, until the peg hangs still enough over it, then down."""

    def __init__(self, colour: str) -> None:
        """Prepare for the cup of `colour`."""
        self._number = 1 + list(CUPS).index(colour)

    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return the way over the rim and into the cup."""
        tip, cup = seen.things[0], seen.things[self._number]
        aside = np.linalg.norm(seen.tool[:2] - cup[:2])
        swing = np.linalg.norm(tip[:2] - cup[:2])
        if aside < 0.015 and swing < 0.025:
            return np.array([*cup[:2], 0.18]), CLOSE
        return np.array([*cup[:2], 0.27]), CLOSE


class ReachScript(Script):
    """Straight there."""

    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return the ball's place."""
        return seen.things[0], CLOSE


class PourScript(Script):
    """Beside the bowl, so that the mouth comes over its middle, then tilt."""

    def __init__(self, side: str) -> None:
        """Prepare for the bowl on `side`."""
        self._number = 1 + list(BOWLS).index(side)
        self._sign = 1.0 if side == "left" else -1.0
        self._there = False

    def start(self, seen: Seen) -> None:
        """Begin on the way."""
        del seen
        self._there = False

    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return the place beside the bowl, and the tilt towards it once there."""
        bowl = seen.things[self._number]
        place = bowl + np.array([0, -0.05 * self._sign, 0.155])
        self._there = self._there or bool(np.linalg.norm(place - seen.tool) < 0.015)
        return place, -self._sign if self._there else 0.0


class OpenBoxScript(Script):
    """Around the handle from above, grip it, and lead it along its arc."""

    def __init__(self, side: str) -> None:
        """Prepare for the box on `side`."""
        self._number = list(BOXES).index(side)
        self._hinge = np.zeros(3)
        self._gripped = 0

    def start(self, seen: Seen) -> None:
        """Remember where the hinge is: the lid is closed."""
        self._hinge = seen.things[self._number] - np.array(HANDLE)
        self._gripped = 0

    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return the way to the handle, then along the arc."""
        handle, angle = seen.things[self._number], seen.measures[self._number]
        if self._gripped == 0:
            aside = np.linalg.norm(seen.tool[:2] - handle[:2])
            if aside > 0.01:
                return handle + ABOVE, OPEN
            if seen.tool[2] - handle[2] > 0.008:
                return handle, OPEN
        self._gripped += 1
        if self._gripped < 3:
            return handle, CLOSE
        if seen.fingers < EMPTY:
            self._gripped = 0
            return handle + ABOVE, OPEN
        ahead = angle + 0.3
        turn = np.array(
            [[np.cos(ahead), 0, np.sin(ahead)], [0, 1, 0], [-np.sin(ahead), 0, np.cos(ahead)]]
        )
        return self._hinge + turn @ HANDLE, CLOSE


class CloseDrawerScript(Script):
    """In front of the drawer, down, and ahead."""

    def __init__(self, side: str) -> None:
        """Prepare for the drawer on `side`."""
        self._number = ("left", "right").index(side)

    def next(self, seen: Seen) -> tuple[Vector, float]:
        """Return the way to the handle and through it."""
        handle = seen.things[self._number]
        in_front = handle + IN_FRONT
        if abs(seen.tool[1] - handle[1]) > 0.012:
            return np.array([min(seen.tool[0], in_front[0]), *handle[1:]]), CLOSE
        if seen.tool[2] - handle[2] > 0.012:
            return in_front, CLOSE
        return handle - IN_FRONT, CLOSE


def script_of(task: str) -> Policy:
    """Return the script of `task`, one of the suite's names."""
    family, _, variant = task.rpartition("-")
    if task == "reach":
        return ReachScript()
    scripts: dict[str, Callable[[str], Script]] = {
        "insert": InsertScript,
        "pour": PourScript,
        "open-box": OpenBoxScript,
        "close-drawer": CloseDrawerScript,
    }
    return scripts[family](variant)
