"""What every run of the tests needs of its environment."""

import os
import random

from hypothesis import settings

# A ROS domain for each process that runs tests, so that it meets no other robot and no other run.
# Domains above 101 would take ports that the system gives to anybody. The first process draws the
# domain of its run, and those that it starts count on from there.
first = int(
    os.environ.setdefault("POLYTASK_TEST_DOMAIN", str(random.SystemRandom().randint(1, 101)))
)
worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
os.environ["ROS_DOMAIN_ID"] = str(1 + (first - 1 + worker) % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Tests may import MuJoCo before polytask_sim, which otherwise says how to draw without a screen.
os.environ.setdefault("MUJOCO_GL", "egl")
# How long an example takes is the machine's affair, and what else it is busy with.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")
