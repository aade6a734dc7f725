"""The environment contract on a robot, emulated or real: the same laws as in a simulation."""

from typing import ClassVar

import numpy as np
import pytest
import yaml

from polytask_contract.conformance import EnvironmentContract, check_observation
from polytask_ros.ros_environment import RosEnvironment
from polytask_sim.suites.xarm import TASKS
from polytask_tests.robot_under_test import UNHURRIED, RobotUnderTest
from polytask_xarm_driver.robot.robot_task import find_tasks, read_tasks

# What the emulated arm repeats of a place [m] after a reset and some steps: it rests within 5 mm,
# and a step's end is seen up to one report and one period's jitter away from where it was before.
REPEATS = 0.012

# Short ways and short episodes, for what takes real time. The contract's seeds begin 46 and 66 mm
# apart there, so that what is another episode cannot be taken for a repeated one.
SHORT = {
    "box": [[0.28, -0.25, 0.06], [0.5, 0.25, 0.28]],
    "start": [[0.34, -0.05, 0.24], [0.42, 0.05, 0.27]],
    "steps": 8,
}


def short_tasks(folder):
    """Return the path of a file with one task, of short ways."""
    content = yaml.safe_load(find_tasks("xarm7_table").read_text(encoding="utf-8"))
    content["tasks"] = {"reach": {**content["tasks"]["reach"], **SHORT}}
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def states(trace):
    return np.array([np.frombuffer(dict(arrays)["state"], np.float32) for *_, arrays in trace])


class TestRobot(EnvironmentContract):
    """Through the arm's driver, the maker's SDK, its protocol, and the controller."""

    steps = 4
    namespace = "/robot_contract"
    parameters: ClassVar = {
        "arm": UNHURRIED["arm"],
        "environment": {
            **UNHURRIED["environment"],
            "reset.speed": 0.2,
            "hold_periods": 20,
        },
    }

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def robot(cls, tmp_path_factory):
        tasks = short_tasks(tmp_path_factory.mktemp("tasks"))
        environment = {**cls.parameters["environment"], "tasks": tasks}
        parameters = {**cls.parameters, "environment": environment}
        with RobotUnderTest(cls.namespace, pictures=True, parameters=parameters) as robot:
            yield robot

    @pytest.fixture(autouse=True)
    def _ready(self, robot):
        robot.make_ready()

    def make(self, seed):
        return RosEnvironment("reach", seed, namespace=self.namespace, timeout=30.0)

    def actions(self, environment):
        # After a longest move the tool is on its way still when the period ends, and where it is by
        # then is a matter of milliseconds; after a quarter of one it has all but arrived.
        return [action / 4 for action in super().actions(environment)]

    def alike(self, one, other):
        if len(one) != len(other) or [step[0] for step in one] != [step[0] for step in other]:
            return False
        # The tool's place, and what it is to reach; pictures of real physics are never equal.
        return bool(np.abs(states(one) - states(other))[:, :8].max() < REPEATS)

    @pytest.mark.parametrize("end", [1, -1])
    def test_both_ends_of_the_range_lead_the_tool(self, environment, end):
        before = environment.reset(1).observation["state"][:2]
        whole = np.full(environment.specification.action_size, end, np.float32)
        timestep = environment.step(whole)
        check_observation(environment, timestep)
        assert np.all(end * (timestep.observation["state"][:2] - before) > 0.005)


def test_the_robots_tasks_are_those_of_the_simulated_arm():
    read = read_tasks(find_tasks("xarm7_table"))
    assert read.suite == "xarm"
    assert list(read.tasks) == list(TASKS)
    for name, task in read.tasks.items():
        simulated = TASKS[name]
        assert task.box == simulated.box
        assert task.start == simulated.start
        assert np.array_equal(task.turned, simulated.turned)
        assert (task.fingers, task.tilts) == (simulated.opening, simulated.tilts)
        assert task.steps == simulated.length
