"""Velocity modes: the joints, or the tool's point, move at what was commanded last."""

import math

import numpy as np

from polytask_sim.emulator.motion.chain import Chain
from polytask_sim.emulator.motion.pose import turn_of
from polytask_sim.xarm.kinematics import JOINTS, Vector

# How fast the commanded velocity may change: of the tool [m/s^2, rad/s^2], of joints [rad/s^2].
TOOL_ACCELERATION, TURN_ACCELERATION, JOINT_ACCELERATION = 2.0, 8.0, 10.0


class Expiry:
    """The time for which a velocity holds; without end unless one is given."""

    def __init__(self) -> None:
        """Hold without end."""
        self._left = math.inf

    def start(self, duration: float) -> None:
        """Hold for `duration` [s]; 0 or less is without end, as on the real controller."""
        self._left = duration if duration > 0 else math.inf

    def passes(self, step: float) -> bool:
        """Let `step` [s] pass and tell whether the velocity still holds."""
        self._left -= step
        return self._left > 0


class JointVelocity:
    """Joints at a commanded velocity, which they reach at a bounded acceleration."""

    def __init__(self) -> None:
        """Begin at rest."""
        self._target, self._speed = np.zeros(JOINTS), np.zeros(JOINTS)
        self._expiry = Expiry()

    @property
    def finished(self) -> bool:
        """Whether nothing moves and nothing is to."""
        return not (self._target.any() or self._speed.any())

    def command(self, speeds: Vector, duration: float) -> None:
        """Take `speeds` (7) [rad/s] for `duration` [s]; 0 or less is without end."""
        self._target = speeds
        self._expiry.start(duration)

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later."""
        if not self._expiry.passes(step):
            self._target = np.zeros(JOINTS)
        self._speed = approach(self._speed, self._target, JOINT_ACCELERATION * step)
        return np.asarray(joints + self._speed * step)


class ToolVelocity:
    """The tool's point at a commanded velocity, which it reaches at a bounded acceleration."""

    def __init__(self, chain: Chain, joints: Vector) -> None:
        """Begin at rest at `joints`."""
        self._chain = chain
        self._pose = chain.forward(joints)
        self._target, self._speed = np.zeros(6), np.zeros(6)
        self._in_tool = False
        self._expiry = Expiry()

    @property
    def finished(self) -> bool:
        """Whether nothing moves and nothing is to."""
        return not (self._target.any() or self._speed.any())

    def command(self, speeds: Vector, duration: float, *, in_tool: bool) -> None:
        """Take `speeds` (3 [m/s], 3 [rad/s]) for `duration` [s]; 0 or less is without end.

        They are along the base's axes, or the tool's if `in_tool`.
        """
        self._target, self._in_tool = speeds, in_tool
        self._expiry.start(duration)

    def advance(self, joints: Vector, step: float) -> Vector:
        """Return the commanded joints `step` [s] later; raise MotionFault."""
        if not self._expiry.passes(step):
            self._target = np.zeros(6)
        if self.finished:
            return joints
        wanted, pose = self._target, self._pose
        if self._in_tool:
            turn = pose[:3, :3]
            wanted = np.concatenate([turn @ wanted[:3], turn @ wanted[3:]])
        linear = approach(self._speed[:3], wanted[:3], TOOL_ACCELERATION * step)
        angular = approach(self._speed[3:], wanted[3:], TURN_ACCELERATION * step)
        self._speed = np.concatenate([linear, angular])
        after = pose.copy()
        after[:3, 3] += linear * step
        after[:3, :3] = turn_of(angular * step) @ pose[:3, :3]
        joints = self._chain.follow(joints, after)
        self._pose = after
        return joints


def approach(value: Vector, target: Vector, longest: float) -> Vector:
    """Return what is on the straight way from `value` to `target`, at most `longest` on."""
    difference = target - value
    length = math.sqrt(float(difference @ difference))
    if length <= longest:
        return target.copy()
    return np.asarray(value + difference * (longest / length))
