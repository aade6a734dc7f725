"""Moves from rest to rest: joints together, and the tool's point along a straight line."""

import numpy as np

from polytask_sim.emulator.motion.chain import Chain
from polytask_sim.emulator.motion.pose import turn_of, way
from polytask_sim.emulator.motion.trapezoid import Trapezoid
from polytask_sim.xarm.kinematics import Matrix, Vector

# Of the tool's turning in a straight move [rad/s, rad/s^2].
TURN_SPEED, TURN_ACCELERATION = 1.5, 6.0
# A straight move is looked through at such distances before it begins [m, rad].
LOOK_AHEAD = 0.01


class JointMove:
    """All joints start and end together, the one with the longest way at the given speed."""

    def __init__(self, start: Vector, end: Vector, speed: float, acceleration: float) -> None:
        """Plan the move at no more than `speed` [rad/s] and `acceleration` [rad/s^2]."""
        self._start, self._way = start, end - start
        length = float(np.abs(self._way).max())
        self._profile = _share(length / speed, length / acceleration)
        self._time = 0.0

    @property
    def finished(self) -> bool:
        """Whether the end is commanded."""
        return self._time >= self._profile.duration

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later."""
        del joints
        self._time += step
        return np.asarray(self._start + self._profile.at(self._time) * self._way)


class LineMove:
    """The tool's point goes straight and turns evenly on its way."""

    def __init__(
        self, chain: Chain, joints: Vector, target: Matrix, speed: float, acceleration: float
    ) -> None:
        """Plan the move at no more than `speed` [m/s] and `acceleration` [m/s^2].

        The joints will be about at `end`. Raise MotionFault when the arm cannot follow the line.
        """
        self._chain = chain
        self._start, self._target = chain.forward(joints), target
        self._way = way(self._start, target)
        length, turn = (float(np.linalg.norm(part)) for part in (self._way[:3], self._way[3:]))
        self._profile = _share(
            max(length / speed, turn / TURN_SPEED),
            max(length / acceleration, turn / TURN_ACCELERATION),
        )
        self._time = 0.0
        pieces = int(np.ceil(max(length, turn / 3) / LOOK_AHEAD))
        for piece in range(1, pieces + 1):
            joints = chain.follow(joints, self._at(piece / pieces))
        self.end = joints

    @property
    def finished(self) -> bool:
        """Whether the end is commanded."""
        return self._time >= self._profile.duration

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later; raise MotionFault."""
        self._time += step
        return self._chain.follow(joints, self._at(self._profile.at(self._time)))

    def _at(self, share: float) -> Matrix:
        if share >= 1:
            return self._target
        pose = self._start.copy()
        pose[:3, 3] += share * self._way[:3]
        pose[:3, :3] = turn_of(share * self._way[3:]) @ self._start[:3, :3]
        return pose


class Pause:
    """Stands still for a while; with no while it only waits for its turn."""

    def __init__(self, duration: float) -> None:
        """Stand still for `duration` [s]."""
        self._left = duration

    @property
    def finished(self) -> bool:
        """Whether the time is over."""
        return self._left <= 0

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return `joints` as they are."""
        self._left -= step
        return joints


def _share(time_at_speed: float, way_over_acceleration: float) -> Trapezoid:
    """Return the profile of a share from 0 to 1 that keeps to a speed and an acceleration.

    `time_at_speed` is how long the way takes at the speed [s], `way_over_acceleration` the way
    divided by the acceleration [s^2].
    """
    if time_at_speed < 1e-9:
        return Trapezoid(0.0, 1.0, 1.0)
    return Trapezoid(1.0, 1 / time_at_speed, 1 / way_over_acceleration)
