"""Reach a place in the air, which a ball marks."""

import mujoco
import numpy as np

from polytask_contract.table import Box
from polytask_sim.xarm.table_task import Props, Reading, TableTask, nearness

GOAL = (0.46, 0.12, 0.16)
RADIUS = 0.02


class ReachTask(TableTask):
    """Accomplished while the tool is within RADIUS of the ball's middle."""

    box = Box((0.28, -0.25, 0.06), (0.5, 0.25, 0.34))
    start = Box((0.3, -0.22, 0.1), (0.48, 0.02, 0.32))
    standing = ("ball",)
    settling = 0.1

    def __init__(self) -> None:
        """Prepare the task `reach`."""
        super().__init__("reach")

    def props(self) -> Props:
        """Return the ball, which nothing touches."""
        position = " ".join(str(number) for number in GOAL)
        return Props(
            f'<body name="ball" pos="{position}"><geom type="sphere" size="{RADIUS}" contype="0" '
            f'conaffinity="0" rgba="0.95 0.25 0.2 1"/></body>'
        )

    def read(self, data: mujoco.MjData) -> Reading:
        """Tell the ball's place; measure the tool's distance from it [m]."""
        ball = data.body("ball").xpos.copy()
        distance = float(np.linalg.norm(data.site("tool").xpos - ball))
        return Reading((ball,), (distance,), distance < RADIUS, nearness(distance, 0.15))
