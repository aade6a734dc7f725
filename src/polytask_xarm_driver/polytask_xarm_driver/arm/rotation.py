"""Rotations as matrices (3, 3) from the tool's frame to the base's, and other ways to say so."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SMALLEST_ANGLE = 1e-12
# Below this sine the axis of half a turn is taken from the matrix's symmetric part.
SMALLEST_SINE = 1e-6


def from_roll_pitch_yaw(roll: float, pitch: float, yaw: float) -> Matrix:
    """Return the rotation by `roll` about x, then `pitch` about y, then `yaw` about z [rad]."""
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def from_quaternion(quaternion: Sequence[float]) -> Matrix:
    """Return the rotation of a unit `quaternion` (x, y, z, w)."""
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def to_quaternion(rotation: Matrix) -> tuple[float, float, float, float]:
    """Return the unit quaternion (x, y, z, w), w at least 0, of a rotation."""
    vector = rotation_vector(rotation)
    angle = float(np.linalg.norm(vector))
    if angle < SMALLEST_ANGLE:
        return 0.0, 0.0, 0.0, 1.0
    x, y, z = (math.sin(angle / 2) / angle * vector).tolist()
    return x, y, z, math.cos(angle / 2)


def rotation_vector(rotation: Matrix) -> Vector:
    """Return axis times angle [rad], 0 to pi, of a rotation."""
    r = rotation
    sine = 0.5 * np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    size, cosine = float(np.linalg.norm(sine)), float((np.trace(r) - 1) / 2)
    if size > SMALLEST_SINE:
        return np.asarray(sine * (math.atan2(size, cosine) / size))
    if cosine > 0:
        return sine
    kept = r + np.eye(3)
    axis = kept[:, int(np.argmax(np.diag(kept)))]
    return np.asarray(math.pi * axis / np.linalg.norm(axis))


def turn(vector: Vector) -> Matrix:
    """Return the rotation whose axis times angle [rad] is `vector`."""
    angle = float(np.linalg.norm(vector))
    if angle < SMALLEST_ANGLE:
        return np.eye(3)
    x, y, z = (vector / angle).tolist()
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross))
