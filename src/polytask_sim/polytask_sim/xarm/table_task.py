"""What a task at the table is: its props, where the tool may go, and when it is accomplished."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np

from polytask_contract.table import DOWN, Box
from polytask_sim.xarm.kinematics import Matrix, Vector

PROP = 'contype="2" conaffinity="3"'


class Props(NamedTuple):
    """MuJoCo XML of what a task adds: to the world, to the tool's frame, and beside the bodies."""

    world: str
    held: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Reading:
    """What a task tells of a moment.

    `things` are positions [m], `measures` numbers, no more of them than a state has room for;
    `progress` is from 0 to 1 and grows on the way to success.
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
