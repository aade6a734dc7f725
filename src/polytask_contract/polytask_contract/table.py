"""What an arm at a table has in common, simulated or real: what an action asks, what a state tells.

Positions are in metres in the frame of the base, x ahead, y to the left, z up.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytask_contract.environment import Action
from polytask_contract.ways import ways

Place = NDArray[np.float64]

# The paper's step on its robot: by up to so much along each axis [m], in so much time [s].
CONTROL_PERIOD, LONGEST_MOVE = 0.4, 0.025
# Where nothing may be dropped, the fourth value of an action tilts the tool instead [rad].
LARGEST_TILT_STEP, LARGEST_TILT = np.radians(12), np.radians(130)
OPENS_ABOVE, CLOSES_BELOW = 0.5, -0.5
# Move (3), and fingers or tilt.
ACTION_SIZE = 4
# How far each finger of the xArm's gripper goes from the middle [m].
FINGER_TRAVEL = 0.042

# How the tool is turned, as columns x, y and z of its frame: pointing down (roll 180 degrees, pitch
# and yaw 0, as on the paper's robot), or ahead, which only pouring needs.
DOWN: Place = np.diag([1.0, -1.0, -1.0])
AHEAD: Place = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])

# A state tells the tool (3), fingers and tilt; where things are seen, also up to so many of them (3
# each) and so many measures; then the ways (3 each) from the tool to each thing, and from the first
# thing to each other.
THINGS, MEASURES = 4, 2
TOOL_SIZE = 5
READ_SIZE = TOOL_SIZE + 3 * THINGS + MEASURES
STATE_SIZE = READ_SIZE + 3 * (THINGS + THINGS - 1)


class Box(NamedTuple):
    """A box in the base's frame: its lowest and its highest corner [m]."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def clip(self, point: Place) -> Place:
        """Return the point of the box that is nearest to `point`."""
        return np.clip(point, self.low, self.high)

    def draw(self, random: np.random.Generator) -> Place:
        """Return a point anywhere in the box."""
        return random.uniform(self.low, self.high)


class Grasp(NamedTuple):
    """What the tool is asked to be: at a point [m], fingers from the middle [m], tilt [rad]."""

    point: Place
    fingers: float
    tilt: float

    def moved(self, action: Action, box: Box, *, tilts: bool, share: float = 1.0) -> "Grasp":
        """Return what `action` (4,) asks next, within `box`; `share` scales moves and tilts."""
        point = box.clip(self.point + share * LONGEST_MOVE * action[:3].astype(np.float64))
        if tilts:
            tilt = self.tilt + share * LARGEST_TILT_STEP * float(action[3])
            return Grasp(point, self.fingers, float(np.clip(tilt, -LARGEST_TILT, LARGEST_TILT)))
        if action[3] > OPENS_ABOVE:
            return Grasp(point, FINGER_TRAVEL, self.tilt)
        if action[3] < CLOSES_BELOW:
            return Grasp(point, 0.0, self.tilt)
        return Grasp(point, self.fingers, self.tilt)

    def rotation(self, turned: Place) -> Place:
        """Return the tool's rotation (3, 3): `turned`, then tilted about its own z."""
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        tilt = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        return np.asarray(turned @ tilt)


def tool_state(grasp: Grasp) -> Place:
    """Return a state (TOOL_SIZE,) of an arm that sees no things."""
    return np.array([*grasp.point, grasp.fingers, grasp.tilt])


def table_state(grasp: Grasp, things: Sequence[Place], measures: Sequence[float]) -> Place:
    """Return a state (STATE_SIZE,); zeros where a task has fewer than THINGS and MEASURES."""
    state = np.zeros(READ_SIZE)
    state[:TOOL_SIZE] = tool_state(grasp)
    for number, thing in enumerate(things):
        state[TOOL_SIZE + 3 * number :][:3] = thing
    state[TOOL_SIZE + 3 * THINGS :][: len(measures)] = measures
    tool, places = state[:3], state[TOOL_SIZE:][: 3 * THINGS].reshape(THINGS, 3)
    pairs = [(tool, place) for place in places]
    pairs += [(places[0], place) for place in places[1:]]
    return np.concatenate([state, ways(pairs)])
