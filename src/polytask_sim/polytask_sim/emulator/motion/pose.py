"""Poses as matrices (4, 4), and turns as roll, pitch and yaw or as axis times angle."""

import math

import numpy as np

from polytask_sim.xarm.kinematics import Matrix, Vector

SMALL = 1e-9


def matrix_of(pose: Vector) -> Matrix:
    """Return the matrix of x, y, z [m] and turns about the fixed axes x, then y, then z [rad]."""
    cr, cp, cy = (math.cos(angle) for angle in pose[3:])
    sr, sp, sy = (math.sin(angle) for angle in pose[3:])
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, pose[0]],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, pose[1]],
            [-sp, cp * sr, cp * cr, pose[2]],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def pose_of(matrix: Matrix) -> Vector:
    """Return x, y, z [m], roll, pitch, yaw [rad] of `matrix`."""
    return np.concatenate([matrix[:3, 3], angles_of(matrix)])


def angles_of(matrix: Matrix) -> Vector:
    """Return roll, pitch and yaw [rad]; where pitch is a quarter turn, yaw is 0."""
    flat = math.hypot(matrix[0, 0], matrix[1, 0])
    pitch = math.atan2(-matrix[2, 0], flat)
    if flat < SMALL:
        return np.array([math.atan2(-matrix[1, 2], matrix[1, 1]), pitch, 0.0])
    roll = math.atan2(matrix[2, 1], matrix[2, 2])
    return np.array([roll, pitch, math.atan2(matrix[1, 0], matrix[0, 0])])


def turn_of(vector: Vector) -> Matrix:
    """Return the rotation (3, 3) by `vector`, axis times angle [rad]."""
    angle = math.sqrt(float(vector @ vector))
    if angle < SMALL:
        x, y, z = vector
        return np.array([[1.0, -z, y], [z, 1.0, -x], [-y, x, 1.0]])
    x, y, z = vector / angle
    sine, cosine = math.sin(angle), math.cos(angle)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross))


def vector_of(turn: Matrix) -> Vector:
    """Return axis times angle [rad], 0 to pi, of the rotation (3, 3) `turn`."""
    sine = 0.5 * np.array(
        [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    )
    size = math.sqrt(float(sine @ sine))
    cosine = (turn[0, 0] + turn[1, 1] + turn[2, 2] - 1) / 2
    if size > SMALL:
        return np.asarray(sine * (math.atan2(size, cosine) / size))
    if cosine > 0:
        return sine
    kept = turn + np.eye(3)
    axis = kept[:, np.argmax(np.diag(kept))]
    return np.asarray(math.pi * axis / np.linalg.norm(axis))


def axis_angle_matrix(pose: Vector) -> Matrix:
    """Return the matrix of x, y, z [m] and axis times angle [rad]."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn_of(pose[3:]), pose[:3]
    return matrix


def way(before: Matrix, after: Matrix) -> Vector:
    """Return the way (3) [m] and the turn (3) [rad] between two poses, in the base's frame."""
    return np.concatenate(
        [after[:3, 3] - before[:3, 3], vector_of(after[:3, :3] @ before[:3, :3].T)]
    )


def inverse_of(matrix: Matrix) -> Matrix:
    """Return the inverse of a pose."""
    result = np.eye(4)
    result[:3, :3] = matrix[:3, :3].T
    result[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return result
