"""Cups: open vessels of a bottom and a ring of walls, so that things fall in and stay in."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from polytask_sim.xarm.kinematics import Vector

WALLS = 12
THICKNESS = 0.004


def cup_geoms(radius: float, height: float, rgba: str, touch: str, mass: float) -> str:
    """Return a cup of inner `radius` and `height` [m] on the origin of its body, open upwards."""
    share = mass / (WALLS + 1)
    outer = radius + THICKNESS / 2
    width = outer * np.tan(np.pi / WALLS) + THICKNESS / 2
    # The walls stand on the bottom: the bottom alone touches the table.
    walls = "".join(
        f'<geom type="box" size="{THICKNESS / 2} {width:.5f} {(height - THICKNESS) / 2}" '
        f'mass="{share:.5f}" '
        f'pos="{outer * np.cos(angle):.5f} {outer * np.sin(angle):.5f} {(height + THICKNESS) / 2}" '
        f'euler="0 0 {angle:.5f}" rgba="{rgba}" {touch}/>\n'
        for angle in np.arange(WALLS) * 2 * np.pi / WALLS
    )
    bottom = (
        f'<geom type="cylinder" size="{radius + THICKNESS:.5f} {THICKNESS / 2}" '
        f'pos="0 0 {THICKNESS / 2}" mass="{share:.5f}" rgba="{rgba}" {touch}/>\n'
    )
    return bottom + walls


def is_inside(
    data: mujoco.MjData, cup: str, points: Vector, radius: float, height: float
) -> NDArray[np.bool_]:
    """Tell of each of `points` (n, 3) whether it is in the body `cup`, below `height` in it."""
    body = data.body(cup)
    inner = (points - body.xpos) @ body.xmat.reshape(3, 3)
    aside = np.linalg.norm(inner[:, :2], axis=1)
    return np.asarray((aside < radius) & (inner[:, 2] > 0) & (inner[:, 2] < height))
