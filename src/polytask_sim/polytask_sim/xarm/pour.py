"""Pour grains out of the cup in the gripper into one of two bowls."""

import mujoco
import numpy as np

from polytask_contract.table import AHEAD, Box
from polytask_sim.xarm.cups import cup_geoms, is_inside
from polytask_sim.xarm.kinematics import Vector
from polytask_sim.xarm.table_task import PROP, Props, Reading, TableTask, nearness

BOWLS = {"left": (0.5, 0.18), "right": (0.5, -0.18)}
BOWL_RADIUS, BOWL_HEIGHT, BOWL_MASS = 0.055, 0.06, 0.3
CUP_RADIUS, CUP_HEIGHT = 0.03, 0.075
LAYERS, SPACING = 3, 0.021
GRAIN_RADIUS, GRAIN_MASS = 0.008, 0.002
GRAINS = [
    (x * SPACING / 2, y * SPACING / 2, 0.02 + layer * 0.018)
    for layer in range(LAYERS)
    for x in (-1, 1)
    for y in (-1, 1)
]
ENOUGH = 0.75


class PourTask(TableTask):
    """Accomplished while ENOUGH of the grains lie in the bowl asked for."""

    box = Box((0.42, -0.24, 0.12), (0.54, 0.24, 0.32))
    start = Box((0.46, -0.05, 0.2), (0.54, 0.05, 0.28))
    turned = AHEAD
    tilts = True
    opening = CUP_RADIUS
    standing = tuple(BOWLS)

    def __init__(self, side: str) -> None:
        """Prepare the task of the bowl on `side`, one of BOWLS."""
        super().__init__(f"pour-{side}")
        self._side = side

    def props(self) -> Props:
        """Return two bowls, the cup in the gripper, and grains."""
        bowls = "".join(
            f'<body name="{side}" pos="{x} {y} 0"><freejoint name="{side}"/>'
            f"{cup_geoms(BOWL_RADIUS, BOWL_HEIGHT, '0.85 0.5 0.25 1', PROP, BOWL_MASS)}</body>"
            for side, (x, y) in BOWLS.items()
        )
        grains = "".join(
            f'<body name="grain{number}"><freejoint name="grain{number}"/><geom type="sphere" '
            f'size="{GRAIN_RADIUS}" mass="{GRAIN_MASS}" rgba="0.95 0.95 0.85 1" {PROP}/></body>'
            for number in range(len(GRAINS))
        )
        touch = 'contype="1" conaffinity="2"'
        cup = (
            f'<body name="cup" pos="{CUP_HEIGHT / 2} 0 0" euler="0 {-np.pi / 2} 0" gravcomp="1">'
            f"{cup_geoms(CUP_RADIUS, CUP_HEIGHT, '0.2 0.5 0.9 1', touch, 0.05)}</body>"
        )
        return Props(bowls + grains, cup)

    def place(self, data: mujoco.MjData, random: np.random.Generator) -> None:
        """Put the grains into the cup, each a little aside of its place."""
        cup = data.body("cup").xpos
        for number, offset in enumerate(GRAINS):
            aside = random.uniform(-0.001, 0.001, 3)
            data.joint(f"grain{number}").qpos = [*(cup + offset + aside), 1, 0, 0, 0]

    def read(self, data: mujoco.MjData) -> Reading:
        """Tell the cup's mouth, the bowls and the grains' middle; measure the bowls' shares."""
        grains = grain_positions(data)
        shares = tuple(
            float(is_inside(data, side, grains, BOWL_RADIUS, BOWL_HEIGHT).mean()) for side in BOWLS
        )
        mouth = data.body("cup").xpos + CUP_HEIGHT * data.body("cup").xmat.reshape(3, 3)[:, 2]
        bowls = tuple(data.body(side).xpos.copy() for side in BOWLS)
        share = shares[list(BOWLS).index(self._side)]
        way = float(np.linalg.norm(mouth[:2] - data.body(self._side).xpos[:2]))
        progress = 0.4 * nearness(way, 0.1) + 0.6 * share
        return Reading((mouth, *bowls, grains.mean(axis=0)), shares, share >= ENOUGH, progress)


def grain_positions(data: mujoco.MjData) -> Vector:
    """Return where the grains are (n, 3)."""
    return np.array([data.body(f"grain{number}").xpos for number in range(len(GRAINS))])
