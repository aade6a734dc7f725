"""What the controller watches while the arm moves: joint ranges, speeds, the boundary, contacts."""

import numpy as np

from polytask_sim.emulator.errors import MotionFault
from polytask_sim.emulator.motion.chain import JOINT_LIMIT, Chain
from polytask_sim.emulator.settings import Settings
from polytask_sim.xarm.arm_model import TORQUES
from polytask_sim.xarm.kinematics import JOINTS, Vector

SPEED, COLLISION, BOUNDARY = 24, 31, 35
# A joint may be commanded to be faster than its limit by this factor before that is an error.
SPEED_MARGIN = 1.1
TOUCHING = 1e-9
# Of each joint's largest torque, how much a contact may take before it is a collision: by the
# collision sensitivity, from 1 to 5; at 0 nothing is. At 3 a drawer may still be pushed shut.
TOLERATED = (np.inf, 0.98, 0.95, 0.9, 0.6, 0.4)
# The time over which contact torques are averaged [s].
CONTACT_TIME = 0.02


class Guard:
    """Says when a motion must end."""

    def __init__(self, settings: Settings) -> None:
        """Watch over what `settings` allow at each moment."""
        self._settings = settings
        self._contact = np.zeros(JOINTS)

    def check_step(self, chain: Chain, before: Vector, after: Vector, step: float) -> None:
        """Raise MotionFault when the joints may not go from `before` to `after` in `step` [s].

        Where the arm is already beyond a limit, it may come back.
        """
        if self._beyond_joints(after) > self._beyond_joints(before) + TOUCHING:
            raise MotionFault(JOINT_LIMIT, "a joint would leave its range")
        fastest = float(np.abs(after - before).max()) / step
        if fastest > SPEED_MARGIN * self._settings.largest.joint_speed:
            raise MotionFault(SPEED, f"a joint would turn at {fastest:.2f} rad/s")
        if self._settings.fence:
            beyond = self._beyond_box(chain.forward(after)[:3, 3])
            if beyond > TOUCHING + self._beyond_box(chain.forward(before)[:3, 3]):
                raise MotionFault(BOUNDARY, "the tool would leave the safety boundary")

    def check_end(self, chain: Chain, joints: Vector) -> None:
        """Raise MotionFault when no motion may end at `joints`."""
        if self._beyond_joints(joints) > TOUCHING:
            raise MotionFault(JOINT_LIMIT, "a joint would leave its range")
        self.check_point(chain.forward(joints)[:3, 3])

    def check_point(self, point: Vector) -> None:
        """Raise MotionFault when the tool may not be at `point` [m]."""
        if self._settings.fence and self._beyond_box(point) > TOUCHING:
            raise MotionFault(BOUNDARY, "the tool would be outside the safety boundary")

    def feel(self, contact: Vector, step: float) -> bool:
        """Take the torques [N m] of contacts; tell whether they are a collision."""
        self._contact += min(1.0, step / CONTACT_TIME) * (contact - self._contact)
        tolerated = TOLERATED[self._settings.collision_sensitivity]
        return bool(np.any(np.abs(self._contact) > tolerated * np.array(TORQUES)))

    def forget(self) -> None:
        """Forget the contacts so far."""
        self._contact = np.zeros(JOINTS)

    def _beyond_joints(self, joints: Vector) -> float:
        low, high = self._settings.joint_bounds
        return float(np.maximum(low - joints, joints - high).clip(0).sum())

    def _beyond_box(self, point: Vector) -> float:
        high, low = self._settings.boundary[0::2], self._settings.boundary[1::2]
        return float(np.maximum(low - point, point - high).clip(0).sum())
