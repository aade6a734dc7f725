"""What is known of the robot and its scene: the newest of each, and the recent past to match by.

The past goes back as far as a picture may be old, and no further: what is matched is near, and
recent. Ages are measured from when something was heard, by the monotonic clock. Only which tool
pose belongs to which picture is told by their stamps, as nothing else says when either was true.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from polytask_contract.errors import WorldStopped
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import Vector

Kind = TypeVar("Kind")
# How long a picture may take to come [s]: by its stamp it is older by that than when it is heard.
TRAVEL = 1.0


class Scene(NamedTuple):
    """What is seen of a task's things."""

    task: str
    success: bool
    things: tuple[Vector, ...]
    measures: tuple[float, ...]


class ArmCondition(NamedTuple):
    """Whether the arm takes commands, or why not; how far its fingers are from the middle [m]."""

    ready: bool
    reason: str
    fingers: float
    moving: bool = False


@dataclass(frozen=True)
class Patience:
    """How old the newest of each may be [s], and how far apart what belongs together."""

    tool: float = 0.2
    picture: float = 0.25
    scene: float = 0.25
    arm: float = 0.5
    skew: float = 0.05


@dataclass(frozen=True)
class Sight:
    """What belongs to one moment; `stamp` is its time [s], `skew` the widest gap in it [s]."""

    stamp: float
    skew: float
    pose: Pose
    fingers: float
    picture: NDArray[np.uint8] | None
    scene: Scene | None


class Heard(NamedTuple, Generic[Kind]):
    """What was heard when, by the monotonic clock, and true at its stamp [s]."""

    when: float
    stamp: float
    value: Kind


class Sensed(Generic[Kind]):
    """The recent past of one kind of thing."""

    def __init__(self, name: str, now: Callable[[], float], memory: float = 0.0) -> None:
        """Remember things called `name` in errors: the newest, and those of `memory` [s] before."""
        self.name, self._now, self._memory = name, now, memory
        self._past: deque[Heard[Kind]] = deque()

    def hear(self, value: Kind, stamp: float) -> None:
        """Take note of `value`, which was true at `stamp` [s]."""
        now = self._now()
        while self._past and self._past[0].when < now - self._memory:
            self._past.popleft()
        self._past.append(Heard(now, stamp, value))

    @property
    def age(self) -> float:
        """Time since the newest was heard [s]; infinite before the first."""
        return self._now() - self._past[-1].when if self._past else math.inf

    def newest(self, limit: float) -> tuple[float, Kind]:
        """Return stamp and value of the newest; raise WorldStopped when it is older than that."""
        if not self._past:
            raise WorldStopped(f"no {self.name} has come yet")
        if self.age > limit:
            raise WorldStopped(f"no {self.name} came for {self.age:.2f} s; valid: {limit:g} s")
        _, stamp, value = self._past[-1]
        return stamp, value

    def nearest(self, stamp: float) -> tuple[float, Kind]:
        """Return stamp and value of what was true nearest to `stamp`, and of these the newest.

        Where the clock stands still, or goes back, several things have the same stamp.
        """
        nearest = min(reversed(self._past), key=lambda heard: abs(heard.stamp - stamp))
        return nearest.stamp, nearest.value


class Senses:
    """Everything that an observation is made of."""

    def __init__(self, patience: Patience, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing known."""
        self.patience = patience
        memory = max(patience.picture, patience.scene) + TRAVEL
        self.tool: Sensed[Pose] = Sensed("tool pose", now, memory)
        self.picture: Sensed[NDArray[np.uint8]] = Sensed("picture", now)
        self.scene: Sensed[Scene] = Sensed("state of the scene", now, memory)
        self.arm: Sensed[ArmCondition] = Sensed("status of the arm", now)

    def condition(self) -> ArmCondition:
        """Return the arm's condition; raise WorldStopped when it is not known any more."""
        return self.arm.newest(self.patience.arm)[1]

    def look(self, *, picture: bool, scene: bool) -> Sight:
        """Return what belongs together of this moment, with a picture and the scene if asked for.

        Raise WorldStopped when the arm has stopped, or when something is too old or does not fit.
        """
        patience, condition = self.patience, self.condition()
        if not condition.ready:
            raise WorldStopped(f"the arm has stopped: {condition.reason or 'it does not say why'}")
        shown: NDArray[np.uint8] | None = None
        # The moment is the picture's where there is one, as nothing else comes as seldom.
        stamp, _ = self.tool.newest(patience.tool)
        if scene:
            stamp, _ = self.scene.newest(patience.scene)
        if picture:
            stamp, shown = self.picture.newest(patience.picture)
        skew, pose = self._matched(self.tool, stamp)
        if not scene:
            return Sight(stamp, skew, pose, condition.fingers, shown, None)
        gap, seen = self._matched(self.scene, stamp)
        return Sight(stamp, max(skew, gap), pose, condition.fingers, shown, seen)

    def _matched(self, part: Sensed[Kind], stamp: float) -> tuple[float, Kind]:
        """Return the `part` that is nearest to `stamp`, and how far from it [s]."""
        when, value = part.nearest(stamp)
        gap = abs(when - stamp)
        if gap > self.patience.skew:
            raise WorldStopped(
                f"the nearest {part.name} is {gap:.3f} s from what else was sensed, by its stamp; "
                f"valid: {self.patience.skew:g} s"
            )
        return gap, value
