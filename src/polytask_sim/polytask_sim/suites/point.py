"""A world whose answer is known: a point on a square table must reach one of four places.

The state is the point's position and the picture shows point and places; neither says which place
is asked for: only the task does. So one policy for all needs a goal, and a formula solves each.
"""

from typing import Any

import dm_env
import numpy as np
from numpy.typing import NDArray

from polytask_contract.environment import Action
from polytask_contract.errors import UnknownName
from polytask_contract.local_environment import LocalEnvironment, Outcome
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Policy

# The table is [-1, 1] x [-1, 1] in units of half its width; x points right, y from the viewer.
PLACES = {
    "north_west": (-0.6, 0.6),
    "north_east": (0.6, 0.6),
    "south_west": (-0.6, -0.6),
    "south_east": (0.6, -0.6),
}
PLACE_RADIUS = 0.15
LARGEST_STEP = 0.1
# Each step errs by this much (standard deviation): an episode draws chance until its end, so a
# server that seeds only its beginning is found out.
NOISE = 0.005
EPISODE_LENGTH = 40
CONTROL_PERIOD = 0.1

TABLE_COLOUR = (28, 32, 44)
POINT_COLOUR = (250, 250, 250)
PLACE_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))


class PointEnvironment(LocalEnvironment):
    """The point and its table; the reward is 1 in the place and falls with the distance to it."""

    def __init__(self, task: str, seed: int, observations: Observations) -> None:
        """Prepare `task`; raise UnknownName when there is no such place."""
        specification = Specification(
            suite="point",
            tasks=tuple(PLACES),
            action_size=2,
            state_size=2 if observations.state else 0,
            image=observations.image,
            control_period=CONTROL_PERIOD,
            episode_length=EPISODE_LENGTH,
            simulated=True,
        )
        super().__init__(specification, task, seed)
        self._place = np.array(PLACES[task])
        self._position = np.zeros(2)
        self._random = np.random.default_rng(seed)
        self._table = draw_table(observations.image) if observations.image else None

    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put the point anywhere near the middle of the table."""
        self._random = random
        self._position = random.uniform(-0.3, 0.3, 2)
        return self._observe()

    def advance(self, action: Action) -> Outcome:
        """Move by up to LARGEST_STEP along each axis; the table's edge stops the point."""
        error = self._random.normal(0.0, NOISE, 2)
        self._position = np.clip(self._position + LARGEST_STEP * action + error, -1, 1)
        reward = 1.0 if self._arrived() else float(np.exp(-2 * self._distance()))
        return Outcome(self._observe(), reward)

    def accomplished(self) -> frozenset[str]:
        """Return the places that the point is in."""
        return frozenset(
            name
            for name, place in PLACES.items()
            if np.linalg.norm(self._position - np.array(place)) <= PLACE_RADIUS
        )

    # Drawn from straight above, without perspective.
    field_of_view = None

    def photograph(self, size: tuple[int, int], *, full: bool = True) -> NDArray[np.uint8]:
        """Return a picture of this moment: `size` (rows, columns); it has one quality only."""
        del full
        return draw_disc(draw_table(size), self._position, 0.08, POINT_COLOUR)

    def _distance(self) -> float:
        return float(np.linalg.norm(self._position - self._place))

    def _arrived(self) -> bool:
        return self._task in self.accomplished()

    def _observe(self) -> dict[str, Any]:
        observation: dict[str, Any] = {"success": np.array(self._arrived())}
        if self._specification.state_size:
            observation["state"] = self._position.astype(np.float32)
        if self._table is not None:
            observation["image"] = draw_disc(self._table.copy(), self._position, 0.08, POINT_COLOUR)
        return observation


class PointSuite:
    """Four places to reach, each a task."""

    name = "point"
    tasks = tuple(PLACES)

    def make(self, task: str, seed: int, observations: Observations) -> PointEnvironment:
        """Return an environment of `task`; raise UnknownName when there is no such task."""
        return PointEnvironment(task, seed, observations)

    def demonstrator(self, task: str) -> Policy:
        """Return the formula that solves `task` from its state."""
        if task not in PLACES:
            raise UnknownName("task", task, PLACES)
        place = np.array(PLACES[task], np.float32)

        def straight_there(timestep: dm_env.TimeStep) -> Action:
            way: Action = (place - timestep.observation["state"]) / np.float32(LARGEST_STEP)
            return way / max(1.0, float(np.abs(way).max()))

        return straight_there

    def sentence(self, task: str) -> str:
        """Return what to do in `task`; raise UnknownName when there is no such task."""
        if task not in PLACES:
            raise UnknownName("task", task, PLACES)
        return f"go to the {task.replace('_', ' ')}"


def draw_table(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture of `size` (rows, columns) with the four places on it."""
    picture = np.empty((*size, 3), np.uint8)
    picture[:] = TABLE_COLOUR
    for place, colour in zip(PLACES.values(), PLACE_COLOURS, strict=True):
        draw_disc(picture, np.array(place), PLACE_RADIUS, colour)
    return picture


def draw_disc(
    picture: NDArray[np.uint8],
    centre: NDArray[np.float64],
    radius: float,
    colour: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """Draw a filled disc, given in the table's units, into `picture` and return it."""
    rows, columns = picture.shape[:2]
    middle = np.array([(1 - centre[1]) * rows, (1 + centre[0]) * columns]) / 2
    reach = radius * np.array([rows, columns]) / 2
    # Only the disc's own square is computed: this runs at every step of a learner.
    low = np.maximum(np.floor(middle - reach).astype(int), 0)
    high = np.minimum(np.ceil(middle + reach).astype(int) + 1, (rows, columns))
    row, column = np.ogrid[low[0] : high[0], low[1] : high[1]]
    inside = ((row + 0.5 - middle[0]) / reach[0]) ** 2 + (
        (column + 0.5 - middle[1]) / reach[1]
    ) ** 2
    picture[low[0] : high[0], low[1] : high[1]][inside <= 1] = colour
    return picture
