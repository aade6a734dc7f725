"""Close one of two drawers that stand open towards the robot."""

import mujoco
import numpy as np

from polytask_contract.table import Box
from polytask_sim.xarm.table_task import PROP, Props, Reading, TableTask, nearness

DRAWERS = {"left": (0.58, 0.15), "right": (0.58, -0.15)}
TRAVEL = 0.13
# A drawer that is open by less is closed [m].
CLOSED = 0.012


class CloseDrawerTask(TableTask):
    """Accomplished while the drawer asked for is open by less than CLOSED."""

    box = Box((0.26, -0.22, 0.05), (0.5, 0.22, 0.3))
    start = Box((0.26, -0.2, 0.18), (0.32, 0.2, 0.28))
    length = 50
    settling = 0.1
    standing = tuple(DRAWERS)

    def __init__(self, side: str) -> None:
        """Prepare the task of the drawer on `side`, one of DRAWERS."""
        super().__init__(f"close-drawer-{side}")
        self._side = side

    def props(self) -> Props:
        """Return two cabinets with a drawer each."""
        return Props("".join(_cabinet(side, x, y) for side, (x, y) in DRAWERS.items()))

    def place(self, data: mujoco.MjData, random: np.random.Generator) -> None:
        """Open both drawers."""
        del random
        for side in DRAWERS:
            data.joint(f"{side}_drawer").qpos[0] = TRAVEL

    def read(self, data: mujoco.MjData) -> Reading:
        """Tell the handles, left and right; measure how far the drawers are open [m]."""
        handles = tuple(data.site(f"{side}_handle").xpos.copy() for side in DRAWERS)
        openings = tuple(float(data.joint(f"{side}_drawer").qpos[0]) for side in DRAWERS)
        number = list(DRAWERS).index(self._side)
        opening = openings[number]
        way = float(np.linalg.norm(data.site("tool").xpos - handles[number]))
        progress = 0.4 * nearness(way, 0.1) + 0.6 * np.clip(1 - opening / TRAVEL, 0, 1)
        return Reading(handles, openings, opening < CLOSED, float(progress))


def _cabinet(side: str, x: float, y: float) -> str:
    shell, front = "0.5 0.5 0.55 1", "0.85 0.75 0.55 1"
    walls = "".join(
        f'<geom type="box" size="{size}" pos="{position}" rgba="{shell}" {PROP}/>'
        for size, position in (
            ("0.08 0.005 0.055", "0 0.075 0.055"),
            ("0.08 0.005 0.055", "0 -0.075 0.055"),
            ("0.005 0.08 0.055", "0.08 0 0.055"),
            ("0.085 0.08 0.005", "0 0 0.115"),
        )
    )
    # The drawer slides without touching its cabinet; frictionloss is that of its rails.
    drawer = "".join(
        f'<geom type="box" size="{size}" pos="{position}" mass="0.08" rgba="{front}" {PROP}/>'
        for size, position in (
            ("0.006 0.068 0.045", "-0.08 0 0.055"),
            ("0.07 0.004 0.03", "-0.005 0.06 0.045"),
            ("0.07 0.004 0.03", "-0.005 -0.06 0.045"),
            ("0.07 0.06 0.003", "-0.005 0 0.018"),
        )
    )
    return f"""
<body name="{side}" pos="{x} {y} 0">
  {walls}
  <body name="{side}_drawer">
    <joint name="{side}_drawer" type="slide" axis="-1 0 0" range="0 {TRAVEL + 0.02}" damping="4"
      frictionloss="0.5"/>
    {drawer}
    <geom type="box" size="0.008 0.03 0.008" pos="-0.094 0 0.06" mass="0.02"
      rgba="0.9 0.1 0.1 1" {PROP}/>
    <site name="{side}_handle" pos="-0.102 0 0.06" size="0.003" rgba="0 0 0 0"/>
  </body>
</body>"""
