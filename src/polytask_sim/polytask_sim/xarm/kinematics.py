"""Kinematics of the xArm 7 with its gripper: the maker's figures, and what follows from them.

Positions are in metres in the frame of the base, x ahead, y to the left, z up; joints in radians.
"""

import numpy as np
from numpy.typing import NDArray

from polytask_contract.errors import PolyTaskError

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Modified Denavit-Hartenberg parameters (alpha [rad], a [m], d [m]) of each joint, from the
# kinematics chapter of the maker's manual.
DENAVIT_HARTENBERG = np.array(
    [
        (0.0, 0.0, 0.267),
        (-np.pi / 2, 0.0, 0.0),
        (np.pi / 2, 0.0, 0.293),
        (np.pi / 2, 0.0525, 0.0),
        (np.pi / 2, 0.0775, 0.3425),
        (np.pi / 2, 0.0, 0.0),
        (-np.pi / 2, 0.076, 0.097),
    ]
)
JOINTS = len(DENAVIT_HARTENBERG)
# The limits of the joints, from the same manual.
LOWER = np.array([-2 * np.pi, -2.059, -2 * np.pi, -0.19198, -2 * np.pi, -1.69297, -2 * np.pi])
UPPER = np.array([2 * np.pi, 2.0944, 2 * np.pi, 3.927, 2 * np.pi, np.pi, 2 * np.pi])
# From the flange to the point between the finger tips of the maker's gripper.
TOOL_LENGTH = 0.172

# A posture with the tool pointing down in front of the base, elbow up, far from every limit.
HOME = np.array([0.0, -0.35, 0.0, 0.9, 0.0, 1.25, 0.0])

DAMPING = 1e-3
LONGEST_STEP = 0.2
ITERATIONS = 60
# Of the tool's place [m] and turn [rad].
TOLERANCE = 1e-4
# How strongly the joint that is one too many is drawn to where it was at HOME.
POSTURE_GAIN = 0.1


class Unreachable(PolyTaskError):
    """No posture within the joints' limits puts the tool where it was asked for."""


def frames(joints: Vector) -> list[Matrix]:
    """Return the pose (4, 4) of each joint's frame in turn, and of the tool as the last."""
    pose = np.eye(4)
    poses = []
    for (alpha, a, d), theta in zip(DENAVIT_HARTENBERG, joints, strict=True):
        ca, sa, ct, st = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
        pose = pose @ np.array(
            [
                [ct, -st, 0.0, a],
                [st * ca, ct * ca, -sa, -sa * d],
                [st * sa, ct * sa, ca, ca * d],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
        poses.append(pose)
    tool = pose.copy()
    tool[:3, 3] += TOOL_LENGTH * pose[:3, 2]
    return [*poses, tool]


def forward(joints: Vector) -> Matrix:
    """Return the pose (4, 4) of the tool."""
    return frames(joints)[-1]


def jacobian(poses: list[Matrix]) -> Matrix:
    """Return how the tool's velocity and turning (6) follow from the joints' speeds (7)."""
    point = poses[-1][:3, 3]
    columns = [
        np.concatenate([np.cross(pose[:3, 2], point - pose[:3, 3]), pose[:3, 2]])
        for pose in poses[:JOINTS]
    ]
    return np.column_stack(columns)


def inverse(position: Vector, rotation: Matrix, start: Vector) -> Vector:
    """Return joints near `start` that put the tool at `position`, turned by `rotation` (3, 3).

    Raise Unreachable when damped least squares within the limits does not get there.
    """
    joints = start.copy()
    for _ in range(ITERATIONS):
        poses = frames(joints)
        error = _error(poses[-1], position, rotation)
        if np.abs(error).max() < TOLERANCE:
            return joints
        matrix = jacobian(poses)
        damped = matrix.T @ np.linalg.inv(matrix @ matrix.T + DAMPING**2 * np.eye(6))
        step = damped @ error
        step += POSTURE_GAIN * (np.eye(JOINTS) - damped @ matrix) @ (HOME - joints)
        step *= min(1.0, LONGEST_STEP / max(np.abs(step).max(), 1e-12))
        joints = np.clip(joints + step, LOWER, UPPER)
    raise Unreachable(
        f"the tool cannot be at {np.round(position, 3).tolist()} m turned as asked for; it gets "
        f"within {1000 * np.linalg.norm(error[:3]):.1f} mm and {np.linalg.norm(error[3:]):.3f} rad"
    )


def _error(pose: Matrix, position: Vector, rotation: Matrix) -> Vector:
    """Return the way (3) and the turn (3, axis times angle) that are left from `pose`."""
    return np.concatenate([position - pose[:3, 3], _turn(pose[:3, :3], rotation)])


def _turn(before: Matrix, after: Matrix) -> Vector:
    """Return axis times angle [rad], 0 to pi, of the turn from one rotation (3, 3) to another."""
    turn = after @ before.T
    sine = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    cosine, size = (np.trace(turn) - 1) / 2, np.linalg.norm(sine)
    if size > 1e-6:
        return np.asarray(sine * (np.arctan2(size, cosine) / size))
    if cosine > 0:
        return sine
    # Half a turn, where the sine is zero too: its axis is what the turn leaves as it is.
    kept = turn + np.eye(3)
    axis = kept[:, np.argmax(np.diag(kept))]
    return np.asarray(np.pi * axis / np.linalg.norm(axis))
