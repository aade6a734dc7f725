"""What a task at the table is: its props, where the tool may go, and when it is accomplished."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np

from polytask_sim.xarm.kinematics import Matrix, Vector

# How the tool is turned, as columns x, y and z of its frame: pointing down (roll 180 degrees, pitch
# and yaw 0, as on the paper's robot), or ahead, which only pouring needs.
DOWN: Matrix = np.diag([1.0, -1.0, -1.0])
AHEAD: Matrix = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])

THINGS = 4
MEASURES = 2
PROP = 'contype="2" conaffinity="3"'


class Box(NamedTuple):
    """A box in the base's frame: its lowest and its highest corner [m]."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def clip(self, point: Vector) -> Vector:
        """Return the point of the box that is nearest to `point`."""
        return np.clip(point, self.low, self.high)

    def draw(self, random: np.random.Generator) -> Vector:
        """Return a point anywhere in the box."""
        return random.uniform(self.low, self.high)


class Props(NamedTuple):
    """MuJoCo XML of what a task adds: to the world, to the tool's frame, and beside the bodies."""

    world: str
    held: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Reading:
    """What a task tells of a moment.

    `things` are up to THINGS positions [m], `measures` up to MEASURES numbers, `progress` is from 0
    to 1 and grows on the way to success.
    """

    things: tuple[Vector, ...]
    measures: tuple[float, ...]
    accomplished: bool
    progress: float


class TableTask(abc.ABC):
    """One task. `box` holds the commanded point; an episode begins with the tool in `start`."""

    box: Box
    start: Box
    turned: Matrix = DOWN
    # Bodies that stand on the table, which may stand a little elsewhere.
    standing: tuple[str, ...] = ()
    # Whether the fourth value of an action tilts what is held, instead of moving the fingers.
    tilts = False
    # How far the fingers are apart from the middle at the start [m].
    opening = 0.0
    # Steps in an episode: twice what the script takes at most, so that success can be held.
    length = 40
    # Time for things to come to rest before an episode begins [s].
    settling = 0.4

    def __init__(self, name: str) -> None:
        """Prepare the task called `name`."""
        self.name = name

    @abc.abstractmethod
    def props(self) -> Props:
        """Return what stands on the table and what is held."""

    def place(  # noqa: B027  # most props stand where the model says
        self, data: mujoco.MjData, random: np.random.Generator
    ) -> None:
        """Put what moves freely where it starts; the tool is where it starts already."""

    @abc.abstractmethod
    def read(self, data: mujoco.MjData) -> Reading:
        """Tell what there is to tell of this moment."""


def nearness(distance: float, scale: float) -> float:
    """Return 1 at no distance, falling towards 0; `scale` [m] is where a third is left."""
    return float(np.exp(-distance / scale))
