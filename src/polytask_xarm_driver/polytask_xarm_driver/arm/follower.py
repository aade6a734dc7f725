"""From targets to velocities: a reference keeps to the profile, and the arm is drawn to it."""

from collections import deque

from polytask_xarm_driver.arm.motion_bounds import MotionBounds
from polytask_xarm_driver.arm.pose import REST, Pose, Twist
from polytask_xarm_driver.arm.profile import Profile, limited, limited_change
from polytask_xarm_driver.arm.rotation import Vector

# How strongly the arm is drawn to the reference [1/s], and at most with what share of its speed: a
# report is a few hundredths of a second old, and more would make the arm swing.
GAIN = 2.0
SHARE = 0.2
# At the target, a rest smaller than this is left [m], [rad].
CLOSE_ENOUGH = 2e-4
TURNED_ENOUGH = 1e-3


class Follower:
    """Velocities that bring the tool to the newest target and no further.

    What it returns is never longer than the speed limit, and differs from what it returned before
    by at most the acceleration limit times the period. The reference ends exactly at a target that
    stays.
    """

    def __init__(self, bounds: MotionBounds, period: float, delay: float) -> None:
        """Keep `bounds`, one velocity a `period` [s]; a report shows what was asked `delay` ago."""
        self._bounds, self._period = bounds, period
        self._way = Profile(bounds.speed, bounds.acceleration, period)
        self._turn = Profile(bounds.turn_speed, bounds.turn_acceleration, period)
        self._course: deque[Pose] = deque(maxlen=1 + round(delay / period))
        self._sent = REST

    @property
    def sent(self) -> Twist:
        """What was returned last."""
        return self._sent

    def rest(self, pose: Pose) -> None:
        """Stand still at `pose`: what follows begins there."""
        self._way.rest()
        self._turn.rest()
        self._course.clear()
        self._course.append(pose)
        self._sent = REST

    def step(self, target: Pose | None, measured: Pose, elapsed: float) -> Twist:
        """Return the velocity for the next period; without a `target` it runs down to rest.

        `elapsed` [s] is how long the one before was in force. `rest` must have been called.
        """
        ahead = self._course[-1].moved(Twist(self._way.velocity, self._turn.velocity), elapsed)
        self._course.append(ahead)
        if target is None:
            wanted = Twist(self._way.step(None), self._turn.step(None))
        else:
            left, error = ahead.way_to(target), measured.way_to(self._course[0])
            bounds = self._bounds
            wanted = Twist(
                _drawn(self._way.step(left.linear), error.linear, bounds.speed, CLOSE_ENOUGH),
                _drawn(
                    self._turn.step(left.angular), error.angular, bounds.turn_speed, TURNED_ENOUGH
                ),
            )
        self._sent = self._within_reach(wanted)
        return self._sent

    def _within_reach(self, wanted: Twist) -> Twist:
        bounds, before = self._bounds, self._sent
        return Twist(
            limited_change(before.linear, wanted.linear, bounds.acceleration * self._period),
            limited_change(before.angular, wanted.angular, bounds.turn_acceleration * self._period),
        )


def _drawn(velocity: Vector, error: Vector, speed: float, enough: float) -> Vector:
    """Return `velocity` and a bounded share against `error`, together below `speed`."""
    if not velocity.any() and abs(error).max() < enough:
        return velocity
    return limited(velocity + limited(GAIN * error, SHARE * speed), speed)
