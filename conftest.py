"""What every run of the tests needs of its environment."""

import os
import random

# A ROS domain for each run, so that it meets no other robot and no other run. Domains above 101
# would take ports that the system gives to anybody.
os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 101)))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Tests may import MuJoCo before polytask_sim, which otherwise says how to draw without a screen.
os.environ.setdefault("MUJOCO_GL", "egl")
