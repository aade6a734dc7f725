"""The way of the tool to where an episode begins: a carrot that is never far ahead of it."""

from collections.abc import Callable, Generator, Sequence

import numpy as np

from polytask_contract.errors import ResetFailed
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import Vector

# How far the carrot may be ahead [m, rad].
LEAD, LEAD_TURN = 0.03, 0.15
# How near the tool gets to where the way ends, and to a corner of it [m, rad].
ARRIVED, PASSED = (0.002, 0.02), (0.01, 0.1)
# A shorter way [m] than this is no progress.
PROGRESS = 0.0005
# Further behind than this [m, rad] no tool is that was led.
LOST, LOST_TURN = 1.5 * LEAD, 1.5 * LEAD_TURN
# Without coming nearer for so long [s] the way is taken to be blocked.
PATIENCE = 3.0


class Carrot:
    """Runs straight from one pose to another, no faster than asked, waiting for the tool."""

    def __init__(self, start: Pose, end: Pose, speed: float, turn_speed: float) -> None:
        """Begin at `start`; `speed` in m/s, `turn_speed` in rad/s."""
        self.pose, self._end = start, end
        self._speed, self._turn_speed = speed, turn_speed

    def run(self, seconds: float, tool: Pose) -> None:
        """Go on for `seconds`, unless the `tool` is too far behind.

        A tool that is further away than it was ever led was somewhere else when the way began, as
        late news said: it begins anew where the tool is.
        """
        behind = tool.way_to(self.pose)
        if norm(behind.linear) > LOST or norm(behind.angular) > LOST_TURN:
            self.pose = tool
            return
        if norm(behind.linear) > LEAD or norm(behind.angular) > LEAD_TURN:
            return
        way = self.pose.way_to(self._end)
        # Both arrive together: the slower of the two sets the time.
        time = max(norm(way.linear) / self._speed, norm(way.angular) / self._turn_speed)
        self.pose = self._end if time <= seconds else self.pose.moved(way, seconds / time)

    def reached_by(self, tool: Pose, near: tuple[float, float]) -> bool:
        """Tell whether the tool is as `near` [m, rad] where the way ends."""
        way = tool.way_to(self._end)
        return norm(way.linear) < near[0] and norm(way.angular) < near[1]

    def left(self, tool: Pose) -> float:
        """Return how far the tool has to go [m]."""
        return norm(tool.way_to(self._end).linear)


def approach(
    corners: Sequence[Pose],
    speeds: tuple[float, float],
    tool: Callable[[], Pose],
    aim: Callable[[Pose], None],
    now: Callable[[], float],
) -> Generator[None, None, None]:
    """Lead the tool past `corners` to the last of them, aiming anew at each step.

    Raise ResetFailed when it gets nowhere. `speeds` are the largest [m/s] and [rad/s]; `tool` tells
    where it is and `now` the time [s].
    """
    pose = tool()
    before = nearer = now()
    for number, end in enumerate(corners, 1):
        carrot, nearest = Carrot(pose, end, *speeds), np.inf
        while not carrot.reached_by(tool(), ARRIVED if number == len(corners) else PASSED):
            time = now()
            carrot.run(time - before, tool())
            before = time
            aim(carrot.pose)
            left = carrot.left(tool()) + carrot.left(carrot.pose)
            if left < nearest - PROGRESS:
                nearest, nearer = left, time
            elif time - nearer > PATIENCE:
                place = np.round(end.position, 3).tolist()
                raise ResetFailed(
                    f"the tool does not get to {place} m: it is {carrot.left(tool()):.3f} m away "
                    f"and came no nearer for {PATIENCE:g} s; is something in its way?"
                )
            yield
        pose = carrot.pose


def norm(vector: Vector) -> float:
    """Return the length of a vector."""
    return float(np.linalg.norm(vector))
