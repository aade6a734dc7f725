"""A robot on one machine, a learner on another: what holds when the cable between them is pulled.

The machines are network namespaces; processes, middleware and wire are those of two computers.
"""

import contextlib
import itertools
import json
import os
import sys
import time

import numpy as np
import pytest
import yaml

from polytask_msgs.action import TrainExpert
from polytask_msgs.msg import LearningStatus
from polytask_tests.told import Told
from polytask_tests.two_machines import INTERFACE, LEARNER, ROBOT, NoTwoMachines, TwoMachines
from polytask_xarm_driver.robot.robot_task import find_tasks

OUTAGE = 5.0
STEPS = 40
numbers = itertools.count()
AT_WORK = (LearningStatus.LEARNING, LearningStatus.EVALUATING)


@pytest.fixture
def machines():
    try:
        made = TwoMachines().__enter__()
    except NoTwoMachines as refused:
        pytest.skip(f"two machines cannot be made here: {refused}")
    with made:
        yield made


@pytest.fixture
def namespace():
    return f"/apart_{next(numbers)}"


def environment(**variables):
    """Return the environment of a process that looks for others beyond its machine."""
    return {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", **variables}


def script(name, *words):
    return [sys.executable, "-m", f"polytask_tests.{name}", *map(str, words)]


@pytest.fixture
def start(machines, namespace):
    """Start what tells on a machine, and end it before the machine is gone."""
    with contextlib.ExitStack() as stack:

        def start(place, name, *words, **variables):
            command = machines.on(place, *script(name, namespace, *words))
            return stack.enter_context(Told(command, environment(**variables)))

        yield start


def short_tasks(folder):
    """Return the path of the robot's tasks, with episodes of 20 steps."""
    content = yaml.safe_load(find_tasks("xarm7_table").read_text(encoding="utf-8"))
    content["tasks"] = {"reach": {**content["tasks"]["reach"], "steps": 20}}
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def robot_options(kind, folder):
    """Return what to start on the robot's machine; a period is short, and patience long for it."""
    if kind == "point":
        parameters = {"suite": "point", "pacing": "realtime", "hold_periods": 10}
        return "north_east", {"kind": "sim", "parameters": {"simulation": parameters}}
    parameters = {
        "tasks": str(short_tasks(folder)),
        "control_period": 0.1,
        "hold_periods": 5,
        "reset.speed": 0.25,
    }
    return "reach", {"parameters": {"environment": parameters}}


def fastest(told):
    """Return the speed of the tool between one fifth of a second and the next [m/s]."""
    when = np.array([one["at"] for one in told])
    places = np.array([one["place"] for one in told])
    later = np.searchsorted(when, when + 0.2)
    whole = later < len(when)
    moved = np.linalg.norm(places[later[whole]] - places[whole], axis=1)
    return moved / (when[later[whole]] - when[whole])


def phases(learner, since, *wanted):
    return [one for one in learner.of("phase", since) if one["phase"] in wanted]


@pytest.mark.parametrize("kind", ["emulated", "point"])
def test_a_link_that_is_gone_for_a_while_stops_the_robot_and_the_learner_goes_on(
    start, machines, tmp_path, kind
):
    task, options = robot_options(kind, tmp_path)
    robot = start(ROBOT, "told_robot", json.dumps(options))
    goal = {"task": task, "run": str(tmp_path / "run"), "preset": "fast", "steps": STEPS}
    parameters = {"evaluation_episodes": 1, "environment_timeout": 5.0}
    learner = start(LEARNER, "told_learner", json.dumps(parameters), json.dumps(goal))
    robot.until(lambda: robot.of("ready"))
    learner.until(lambda: learner.of("ready"))
    learner.ask("learn")
    learner.until(lambda: phases(learner, 0.0, LearningStatus.LEARNING))
    robot.until(lambda: [one for one in robot.of("step") if one["step"] > 2])
    pulled = time.monotonic()
    machines.pull(LEARNER)
    (stopped, *_) = robot.until(lambda: [x for x in robot.of("ending", pulled) if x["ending"]])
    assert "no action came in time" in stopped["ending"]
    if kind == "emulated":
        assert_stands_still(robot, pulled)
    waiting = learner.until(lambda: phases(learner, pulled, LearningStatus.WAITING))
    time.sleep(max(0.0, pulled + OUTAGE - time.monotonic()))
    plugged = time.monotonic()
    machines.plug(LEARNER)
    again = learner.until(lambda: phases(learner, plugged, *AT_WORK))
    assert robot.until(lambda: robot.of("episode", plugged))[-1]["episode"] != stopped["episode"]
    (ended,) = learner.until(lambda: learner.of("code"))
    print(
        f"{kind}: stopped {stopped['time'] - pulled:.2f} waiting {waiting[0]['time'] - pulled:.2f}"
        f" again {again[0]['time'] - plugged:.2f} said {waiting[0]['said']}"
    )
    assert (ended["code"], ended["message"]) == (TrainExpert.Result.SUCCESS, "")
    assert ended["steps"] >= STEPS


def assert_stands_still(robot, since):
    """Assert that the tool moved, and then rests while the link is gone."""
    before = [one for one in robot.of("place") if since - 1.0 < one["at"] < since]
    assert fastest(before).max() > 0.01
    seen = robot.until(lambda: still(robot.of("place", since)), OUTAGE)
    print(f"still after {seen - since:.2f}")


def still(told):
    """Return since when the tool has rested for half a second; None if it has not."""
    newest = told[-1]["at"] if told else 0.0
    lately = [one for one in told if one["at"] > newest - 0.5]
    if newest - (told[0]["at"] if told else 0.0) < 0.7 or fastest(lately).max() > 0.002:
        return None
    moving = [one["at"] for one, v in zip(told, fastest(told), strict=False) if v > 0.002]
    return max(moving, default=told[0]["at"])


def test_machines_meet_by_their_addresses_where_multicast_does_not_pass(start, machines):
    for place in (ROBOT, LEARNER):
        machines.do(place, "ip", "link", "set", INTERFACE, "multicast", "off")
