"""What every run of the tests needs of its environment."""

import os
import random

import pytest
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
# The files that take minutes come first: one that began late would keep a worker busy while the
# others have nothing left to do. Those of robots, which live in real time, come before those of
# learners, which take all the processor that there is.
LONGEST = (
    "test_robot_stops.py",
    "test_recorder_node.py",
    "test_robot_contract.py",
    "test_teleoperated_demonstrations.py",
    "test_xarm_emulator.py",
    "test_across_machines.py",
    "test_learner_nodes.py",
    "test_demo.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the LONGEST; the order within a file, and of all others, stays."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
