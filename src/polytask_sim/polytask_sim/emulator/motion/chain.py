"""The arm with a tool at its flange: where the tool is, and joints that follow a path of it."""

import numpy as np

from polytask_sim.emulator.errors import MotionFault
from polytask_sim.emulator.motion.pose import inverse_of, matrix_of, way
from polytask_sim.xarm import kinematics
from polytask_sim.xarm.kinematics import JOINTS, Matrix, Vector

KINEMATIC, JOINT_LIMIT = 21, 23
DAMPING = 1e-3
ITERATIONS = 12
TOLERANCE, HOPELESS = 1e-6, 1e-4
# How strongly a way of the tool draws the joint that is one too many towards HOME [1/m].
POSTURE_PULL, LARGEST_PULL = 2.0, 0.05
SLACK = 1e-6


class Chain:
    """The kinematics of the arm with the tool's point at an offset from the flange."""

    def __init__(self, offset: Vector) -> None:
        """Put the tool's point at the pose `offset` (6) [m, rad] in the flange's frame."""
        self._offset = matrix_of(offset)
        self._back = inverse_of(self._offset)

    def forward(self, joints: Vector) -> Matrix:
        """Return the tool's pose (4, 4)."""
        return np.asarray(kinematics.frames(joints)[JOINTS - 1] @ self._offset)

    def follow(self, joints: Vector, target: Matrix) -> Vector:
        """Return joints near `joints` that put the tool at `target`, a short way on.

        Raise MotionFault with the maker's code when it cannot get there.
        """
        joints = joints.copy()
        for attempt in range(ITERATIONS):
            poses = kinematics.frames(joints)[:JOINTS]
            tool = poses[-1] @ self._offset
            error = way(tool, target)
            if np.abs(error).max() < TOLERANCE:
                return joints
            joints += _step(poses, tool, error, joints, first=attempt == 0)
            if np.any((joints < kinematics.LOWER - SLACK) | (joints > kinematics.UPPER + SLACK)):
                raise MotionFault(JOINT_LIMIT, "a joint would leave its range")
        if np.abs(error).max() > HOPELESS:
            raise MotionFault(KINEMATIC, "the arm cannot follow the tool's path")
        return joints

    def solve(self, target: Matrix, start: Vector) -> Vector:
        """Return joints near `start` that put the tool at `target`, or raise Unreachable."""
        gripper = (target @ self._back) @ matrix_of(
            np.array([0, 0, kinematics.TOOL_LENGTH, 0, 0, 0])
        )
        return kinematics.inverse(gripper[:3, 3], gripper[:3, :3], start)


def _step(
    poses: list[Matrix], tool: Matrix, error: Vector, joints: Vector, *, first: bool
) -> Vector:
    axes = np.array([pose[:3, 2] for pose in poses])
    arms = tool[:3, 3] - np.array([pose[:3, 3] for pose in poses])
    matrix = np.vstack([np.cross(axes, arms).T, axes.T])
    damped = matrix.T @ np.linalg.inv(matrix @ matrix.T + DAMPING**2 * np.eye(6))
    step = damped @ error
    if first:
        pull = min(LARGEST_PULL, POSTURE_PULL * float(np.abs(error).max()))
        home = pull * (kinematics.HOME - joints)
        step = step + home - damped @ (matrix @ home)
    return np.asarray(step)
