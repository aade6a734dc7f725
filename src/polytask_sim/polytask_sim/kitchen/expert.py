"""Scripted expert of the kitchen: brings things to their places along the courses written down."""

from collections.abc import Sequence

import dm_env
import numpy as np
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import (
    BONUS_THRESH,
    OBS_ELEMENT_GOALS,
    OBS_ELEMENT_INDICES,
)

from polytask_contract.environment import Action
from polytask_contract.errors import InvalidSpecification
from polytask_sim.kitchen.courses import COURSES, OPEN, WayPoint
from polytask_sim.kitchen.kinematics import ARM, KitchenKinematics, Vector, hand_frame

# A thing is left a little inside upstream's threshold, so that it stays in its place.
WELL_INSIDE = BONUS_THRESH - 0.02
# The hand is where it should be when it is turned no further from there than this [rad].
AIMED = 0.2
# While a thing is moved, the tips stay this near [m] to where they took hold of it.
IN_TOUCH = 0.07


class KitchenExpert:
    """Does one thing after another in the order given, and holds still while all is done.

    It knows the state and `success`, nothing else. It remembers which way-point is next and starts
    anew with each episode. A thing that slips from the hand is taken hold of again, and one that
    has left its place is brought back.
    """

    def __init__(self, things: Sequence[str]) -> None:
        """Prepare for `things`, names of COURSES."""
        self._things = tuple(things)
        self._kitchen = KitchenKinematics()
        self._start(self._things[0])

    def __call__(self, timestep: dm_env.TimeStep) -> Action:
        """Return the next action; raise InvalidSpecification when the state is kept."""
        state = timestep.observation.get("state")
        if state is None:
            raise InvalidSpecification("the expert of the kitchen needs the state; ask for it")
        if timestep.first():
            self._start(self._things[0])
        self._kitchen.see(state)
        lead = np.zeros(ARM)
        if not timestep.observation["success"]:
            self._advance()
            lead = self._lead(self._way[0])
        values = np.append(self._kitchen.servo(lead), [self._fingers, self._fingers])
        action: Action = np.clip(values, -1, 1).astype(np.float32)
        return action

    def _start(self, thing: str) -> None:
        self._thing = thing
        self._fingers = OPEN
        self._take(COURSES[thing].there)

    def _take(self, way: Sequence[WayPoint], *, leaving: bool = False) -> None:
        self._way, self._leaving = list(way), leaving
        self._waited = 0

    def _advance(self) -> None:
        """Take up the next way-point, or the next thing, when its turn has come."""
        course = COURSES[self._thing]
        moving = len(self._way) == 1 and not self._leaving
        if not self._leaving and self._distance(self._thing) < WELL_INSIDE:
            self._take(course.back, leaving=True)
        elif moving and self._away(course.there[-2]) > IN_TOUCH:
            self._take([*course.back, *course.there])
        if not self._is_there(self._way[0]):
            return
        self._waited += 1
        if self._waited <= self._way[0].wait:
            return
        if len(self._way) > 1:
            self._take(self._way[1:], leaving=self._leaving)
        elif self._leaving:
            left = [name for name in self._things if self._distance(name) >= BONUS_THRESH]
            self._start(next(iter(left), self._thing))

    def _lead(self, point: WayPoint) -> Vector:
        self._fingers = point.fingers
        place, frame = self._aim(point)
        if point.press:
            return self._kitchen.press(place, frame)
        return self._kitchen.approach(place, frame, point.longest)

    def _aim(self, point: WayPoint) -> tuple[Vector, Vector]:
        """Return where the tips and how the hand should be."""
        course = COURSES[self._thing]
        place = self._kitchen.place(course.body, np.array(point.offset))
        return place, hand_frame(np.array(course.pointing))

    def _is_there(self, point: WayPoint) -> bool:
        turned = np.linalg.norm(self._kitchen.misalignment(self._aim(point)[1]))
        return bool(self._away(point) < point.near and turned < AIMED)

    def _away(self, point: WayPoint) -> float:
        return float(np.linalg.norm(self._aim(point)[0] - self._kitchen.tip))

    def _distance(self, thing: str) -> float:
        """Return how far a thing is from its place, as upstream measures it."""
        joints = self._kitchen.positions[OBS_ELEMENT_INDICES[thing]]
        return float(np.linalg.norm(joints - OBS_ELEMENT_GOALS[thing]))
