"""Open one of two boxes by lifting the handle at the front of its lid."""

import mujoco
import numpy as np

from polytask_contract.table import Box
from polytask_sim.xarm.table_task import PROP, Props, Reading, TableTask, nearness

BOXES = {"left": (0.46, 0.15), "right": (0.46, -0.15)}
HALF, HEIGHT, WALL = 0.06, 0.07, 0.005
# From the hinge, at the back of the closed lid, to its handle.
HANDLE = (-2 * HALF - WALL, 0.0, 0.04)
# Of an open lid [rad].
OPEN = 1.0


class OpenBoxTask(TableTask):
    """Accomplished while the lid of the box asked for is open by more than OPEN."""

    box = Box((0.3, -0.22, 0.07), (0.52, 0.22, 0.32))
    start = Box((0.32, -0.2, 0.2), (0.42, 0.2, 0.28))
    opening = 0.042
    length = 50
    standing = tuple(BOXES)

    def __init__(self, side: str) -> None:
        """Prepare the task of the box on `side`, one of BOXES."""
        super().__init__(f"open-box-{side}")
        self._side = side

    def props(self) -> Props:
        """Return two boxes with lids that hinge at the back."""
        return Props("".join(_box(side, x, y) for side, (x, y) in BOXES.items()))

    def read(self, data: mujoco.MjData) -> Reading:
        """Tell the handles, left and right; measure the lids' angles [rad]."""
        handles = tuple(data.site(f"{side}_handle").xpos.copy() for side in BOXES)
        angles = tuple(float(data.joint(f"{side}_lid").qpos[0]) for side in BOXES)
        number = list(BOXES).index(self._side)
        angle = angles[number]
        way = float(np.linalg.norm(data.site("tool").xpos - handles[number]))
        progress = 0.4 * nearness(way, 0.1) + 0.6 * np.clip(angle / OPEN, 0, 1)
        return Reading(handles, angles, angle > OPEN, float(progress))


def _box(side: str, x: float, y: float) -> str:
    wood, lid = "0.55 0.35 0.2 1", "0.8 0.6 0.35 1"
    half = HEIGHT / 2
    walls = "".join(
        f'<geom type="box" size="{size}" pos="{position}" rgba="{wood}" {PROP}/>'
        for size, position in (
            (f"{HALF} {WALL} {half}", f"0 {HALF} {half}"),
            (f"{HALF} {WALL} {half}", f"0 {-HALF} {half}"),
            (f"{WALL} {HALF} {half}", f"{HALF} 0 {half}"),
            (f"{WALL} {HALF} {half}", f"{-HALF} 0 {half}"),
        )
    )
    # The lid begins a hair above the walls, and its handle stands up at its front.
    return f"""
<body name="{side}" pos="{x} {y} 0">
  {walls}
  <body name="{side}_lid" pos="{HALF + WALL} 0 {HEIGHT + WALL + 0.001}">
    <joint name="{side}_lid" axis="0 1 0" range="0 1.8" damping="0.01" frictionloss="0.002"/>
    <geom type="box" size="{HALF + WALL} {HALF + WALL} {WALL}" pos="{-HALF - WALL} 0 0" mass="0.08"
      rgba="{lid}" {PROP}/>
    <geom type="box" size="0.01 0.009 0.03" pos="{HANDLE[0]} 0 0.03" mass="0.02" friction="1.2"
      rgba="0.9 0.1 0.1 1" {PROP}/>
    <site name="{side}_handle" pos="{HANDLE[0]} 0 {HANDLE[2]}" size="0.003" rgba="0 0 0 0"/>
  </body>
</body>"""
