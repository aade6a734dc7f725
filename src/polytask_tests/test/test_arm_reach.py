"""How far the arm is stretched: the driver's estimate and the model's joints agree."""

import itertools

import numpy as np
import pytest

from polytask_ros.parameters import read_schema
from polytask_sim.suites.xarm import TASKS
from polytask_sim.xarm import kinematics
from polytask_sim.xarm.table_task import DOWN
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.stretch import LONGEST_STRETCH, stretch

OFFSET = (0.0, 0.0, kinematics.TOOL_LENGTH, 0.0, 0.0, 0.0)
LIMIT = {
    entry.name: entry.default for entry in read_schema("polytask_xarm_driver.ros", "arm.yaml")
}["stretch_limit"]


def test_the_wrist_is_where_the_joints_put_it():
    random = np.random.default_rng(0)
    for position in random.uniform((0.2, -0.35, 0.02), (0.65, 0.35, 0.55), (100, 3)):
        estimate = stretch(Pose(position, DOWN), OFFSET)
        if estimate < LIMIT:
            frames = kinematics.frames(kinematics.inverse(position, DOWN, kinematics.HOME))
            shoulder, wrist = frames[1][:3, 3], frames[5][:3, 3]
            assert estimate == pytest.approx(np.linalg.norm(wrist - shoulder), abs=5e-3)


def test_what_is_out_of_reach_is_stretched_too_far():
    with pytest.raises(kinematics.Unreachable):
        kinematics.inverse(np.array([0.65, 0.35, 0.05]), DOWN, kinematics.HOME)
    assert stretch(Pose([0.65, 0.35, 0.05], DOWN), OFFSET) > LIMIT
    assert LIMIT < LONGEST_STRETCH


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_place_of_every_task_is_within_the_limit(task):
    for corner in itertools.product(*zip(task.box.low, task.box.high, strict=True)):
        assert stretch(Pose(corner, task.turned), OFFSET) < LIMIT
