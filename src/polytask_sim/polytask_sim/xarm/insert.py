"""Insert the peg, which hangs from the gripper by a string, into one of three cups."""

import mujoco
import numpy as np

from polytask_contract.table import Box
from polytask_sim.xarm.cups import cup_geoms, is_inside
from polytask_sim.xarm.table_task import PROP, Props, Reading, TableTask, nearness

CUPS = {
    "green": ((0.44, 0.15), "0.1 0.7 0.25 1"),
    "yellow": ((0.44, 0.0), "0.95 0.8 0.1 1"),
    "blue": ((0.44, -0.15), "0.15 0.35 0.95 1"),
}
CUP_RADIUS, CUP_HEIGHT, CUP_MASS = 0.034, 0.08, 0.25
STRING = 0.06
PEG_LENGTH, PEG_RADIUS, PEG_MASS = 0.08, 0.011, 0.05
# The peg's tip is well in when it is so far below the rim.
DEPTH = 0.035


class InsertTask(TableTask):
    """Accomplished while the peg's tip is more than DEPTH below the rim of the upright cup."""

    box = Box((0.3, -0.22, 0.18), (0.5, 0.22, 0.36))
    start = Box((0.32, -0.2, 0.31), (0.4, 0.2, 0.35))
    standing = tuple(CUPS)

    def __init__(self, colour: str) -> None:
        """Prepare the task of the cup of `colour`, one of CUPS."""
        super().__init__(f"insert-{colour}")
        self._colour = colour

    def props(self) -> Props:
        """Return three cups, the peg and its string."""
        cups = "".join(
            f'<body name="{colour}" pos="{x} {y} 0"><freejoint name="{colour}"/>'
            f"{cup_geoms(CUP_RADIUS, CUP_HEIGHT, rgba, PROP, CUP_MASS)}</body>"
            for colour, ((x, y), rgba) in CUPS.items()
        )
        # The string pulls and never pushes. The air slows what swings.
        peg = f"""
<body name="peg" pos="0.4 0 0.2">
  <joint name="peg" type="free" damping="0.006"/>
  <geom type="capsule" size="{PEG_RADIUS}" fromto="0 0 {-PEG_LENGTH / 2 + PEG_RADIUS} 0 0
    {PEG_LENGTH / 2 - PEG_RADIUS}" mass="{PEG_MASS}" rgba="0.85 0.2 0.15 1" {PROP}/>
  <site name="peg_top" pos="0 0 {PEG_LENGTH / 2}" size="0.003" rgba="0 0 0 0"/>
  <site name="peg_tip" pos="0 0 {-PEG_LENGTH / 2}" size="0.003" rgba="0 0 0 0"/>
</body>"""
        string = f"""
<tendon><spatial name="string" limited="true" range="0 {STRING}" width="0.002"
  rgba="0.1 0.1 0.1 1" solreflimit="0.01 1">
  <site site="tool"/><site site="peg_top"/>
</spatial></tendon>"""
        return Props(cups + peg, beside=string)

    def place(self, data: mujoco.MjData, random: np.random.Generator) -> None:
        """Hang the peg below the tool."""
        del random
        hanging = data.site("tool").xpos - np.array([0, 0, STRING + PEG_LENGTH / 2])
        data.joint("peg").qpos = [*hanging, 1, 0, 0, 0]

    def read(self, data: mujoco.MjData) -> Reading:
        """Tell the peg's tip and the cups: green, yellow, blue; measure the tip's depth."""
        tip = data.site("peg_tip").xpos.copy()
        cups = tuple(data.body(colour).xpos.copy() for colour in CUPS)
        cup = data.body(self._colour)
        upright = cup.xmat[8] > 0.9
        inside = is_inside(data, self._colour, tip[None], CUP_RADIUS, CUP_HEIGHT - DEPTH)[0]
        above = cup.xpos + np.array([0, 0, CUP_HEIGHT - DEPTH])
        progress = nearness(float(np.linalg.norm(tip - above)), 0.1)
        return Reading((tip, *cups), (CUP_HEIGHT - tip[2],), bool(inside and upright), progress)
