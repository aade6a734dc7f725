"""How the kitchen's things are brought to their places: the ways of the hand, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

OPEN, CLOSED = 1.0, -1.0


@dataclass(frozen=True)
class WayPoint:
    """Where the tips of the fingers go: `offset` [m] in the frame of a thing's body.

    The frame moves with the thing, so a way-point beyond a knob keeps its distance as the knob
    turns. The next way-point's turn comes when the tips are `near` [m] and the hand has been there
    for more than `wait` steps. The hand goes there by at most `longest` [m] a step; to `press` is
    to be drawn there as by a spring instead.
    """

    offset: tuple[float, float, float]
    near: float = 0.03
    fingers: float = CLOSED
    wait: int = 0
    press: bool = False
    longest: float = 0.06


@dataclass(frozen=True)
class Course:
    """The way-points around one thing, in the frame of its body `body`.

    The fingers point along `pointing`, in the world's frame: x to the right, y to the back of the
    kitchen, z up. The last but one of `there` takes hold of the thing, the last moves it and is
    followed until that is done. `back` leads away from it, before another attempt or thing.
    """

    body: str
    pointing: tuple[float, float, float]
    there: tuple[WayPoint, ...]
    back: tuple[WayPoint, ...]


# To the back and down a little: the elbow stays above the stove and what stands on it.
AHEAD = (0.0, 1.0, -0.6)
DOWN = (0.0, 1.0, -1.0)

# A knob's frame: x to the right, y up, z to the robot. The upper end of its lever is pushed to the
# right by the closed fingers, which at the lower knob just pass below the upper one's lever.
KNOB_SIDE = WayPoint((-0.045, 0.03, 0.1))
KNOB = (
    KNOB_SIDE,
    WayPoint((-0.045, 0.03, 0.037), near=0.012),
    WayPoint((0.1, 0.033, 0.034), press=True),
)

# Of each thing, under upstream's name.
COURSES: Mapping[str, Course] = {
    "bottom burner": Course("knob 2", AHEAD, KNOB, (KNOB_SIDE,)),
    "top burner": Course("knob 4", AHEAD, KNOB, (KNOB_SIDE,)),
    # Pushed to the left, from the gap between switch and knobs.
    "light switch": Course(
        "lightswitchroot",
        AHEAD,
        (
            WayPoint((0.08, -0.16, 0.0)),
            WayPoint((0.08, -0.08, 0.0), near=0.015),
            WayPoint((-0.08, -0.08, 0.0), press=True),
        ),
        (WayPoint((0.08, -0.18, 0.0)),),
    ),
    # The lower half of the handle is pushed to the right.
    "slide cabinet": Course(
        "slidelink",
        AHEAD,
        (
            WayPoint((-0.25, -0.2, -0.08)),
            WayPoint((-0.25, -0.11, -0.08), near=0.02),
            WayPoint((-0.08, -0.11, -0.08), press=True),
        ),
        (WayPoint((-0.25, -0.22, -0.08)),),
    ),
    # The handle is grasped from the front and drawn along the door's own normal, no faster than
    # the grip follows.
    "microwave": Course(
        "microdoorroot",
        AHEAD,
        (
            WayPoint((0.465, -0.2, 0.07), fingers=OPEN),
            WayPoint((0.465, -0.075, 0.07), near=0.012, fingers=OPEN),
            WayPoint((0.465, -0.075, 0.07), wait=4),
            WayPoint((0.465, -0.2, 0.07), longest=0.03),
        ),
        (
            WayPoint((0.465, -0.1, 0.07), fingers=OPEN, wait=4),
            WayPoint((0.465, -0.2, 0.07), fingers=OPEN),
        ),
    ),
    # Pushed across the stove from the robot's side: low, so that it does not tip over, slowly and
    # with both fingers, so that it does not turn. A place beyond its middle swings to the side
    # that lags behind; one before its middle would swing away from it.
    "kettle": Course(
        "kettleroot",
        DOWN,
        (
            WayPoint((0.0, -0.18, 0.2), fingers=OPEN),
            WayPoint((0.0, -0.16, 0.07), near=0.02, fingers=OPEN),
            WayPoint((0.0, 0.1, 0.07), fingers=OPEN, longest=0.02),
        ),
        (WayPoint((0.0, -0.2, 0.25), fingers=OPEN),),
    ),
}
