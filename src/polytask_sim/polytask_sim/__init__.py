"""Worlds: suites of tasks behind the environment contract, and the node that serves them."""

import os

# MuJoCo and dm_control choose how they draw when they are imported; without a screen, which a robot
# or a server may not have, only EGL and OSMesa work. Set MUJOCO_GL to choose otherwise.
os.environ.setdefault("MUJOCO_GL", "egl")
