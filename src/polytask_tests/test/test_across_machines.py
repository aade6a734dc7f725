"""A robot on one machine, a learner on another: what holds when the cable between them is pulled.

The machines are network namespaces; processes, middleware and protocols are those of two computers.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml

from polytask_msgs.action import TrainExpert
from polytask_msgs.msg import LearningStatus
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import PROFILE, PROFILE_VARIABLES
from polytask_tests.robot_under_test import UNHURRIED
from polytask_tests.told import Told
from polytask_tests.two_machines import LEARNER, ROBOT, NoTwoMachines, TwoMachines
from polytask_xarm_driver.robot.robot_task import find_tasks

OUTAGE = 5.0
STEPS = 40
# A tool that is slower than this rests, within what its reports can tell [m/s].
STILL = 0.002
# A tool that is faster than this is under way [m/s].
MOVING = 0.01
AT_WORK = (LearningStatus.LEARNING, LearningStatus.EVALUATING)
# Nobody hears what is sent to a group, as in networks that do not pass it on.
NO_MULTICAST = ("sh", "-c", "echo 0 > /proc/sys/net/ipv4/igmp_max_memberships")
SUBNET = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
LOCALHOST = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
PEER = {**LOCALHOST, "ROS_STATIC_PEERS": ROBOT}
WIDE = Path(__file__).resolve().parents[3] / "config" / "fastdds_two_machines.xml"
numbers = itertools.count()


@pytest.fixture
def machines():
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(TwoMachines())
        except NoTwoMachines as refused:
            pytest.skip(f"two machines cannot be made here: {refused}")
        yield made


@pytest.fixture
def namespace():
    return f"/apart_{next(numbers)}"


def module(name, *words):
    return [sys.executable, "-m", f"polytask_tests.{name}", *map(str, words)]


@pytest.fixture
def start(machines, namespace):
    """Start what tells of itself on a machine, and end it before the machine."""
    with contextlib.ExitStack() as stack:

        def start(place, variables, name, *words):
            command = machines.on(place, *module(name, namespace, *words))
            return stack.enter_context(Told(command, {**os.environ, **variables}))

        yield start


def short_tasks(folder):
    """Return the path of a task that begins where it ended, nearly, and takes four seconds."""
    content = yaml.safe_load(find_tasks("xarm7_table").read_text(encoding="utf-8"))
    start = [[0.38, -0.1, 0.2], [0.39, -0.09, 0.21]]
    content["tasks"] = {"reach": {**content["tasks"]["reach"], "start": start, "steps": STEPS}}
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def emulated_robot(folder):
    """Return options of a robot with short periods, whose judgement of silence is patient."""
    settings = {"control_period": 0.1, "hold_periods": 5, "reset.speed": 0.25}
    environment = {**UNHURRIED["environment"], "tasks": short_tasks(folder), **settings}
    return {"parameters": {"arm": UNHURRIED["arm"], "environment": environment}}


def learning(start, variables, folder, task):
    """Return a learner on the other machine that is ready to be asked for a short run."""
    goal = {"task": task, "run": str(folder / "run"), "preset": "fast", "steps": STEPS}
    parameters = {"evaluation_episodes": 1, "played": 1, "environment_timeout": 5.0}
    return start(LEARNER, variables, "told_learner", json.dumps(parameters), json.dumps(goal))


def phases(learner, wanted, since=0.0):
    return [one for one in learner.of("phase", since) if one["phase"] in wanted]


def begin(learner):
    """Have the learner begin, and return when it was in the middle of practice."""
    learner.until(lambda: learner.of("ready"))
    learner.ask("learn")

    def practised():
        return [one for one in phases(learner, [LearningStatus.LEARNING]) if one["step"] > 2]

    return learner.until(practised)[0]["time"]


def pull(machines):
    """Pull the cable and return when."""
    when = time.monotonic()
    machines.pull(LEARNER)
    return when


def assert_the_run_goes_on_and_ends(machines, learner, pulled):
    """Assert it of a learner that waits, while the cable is out for OUTAGE seconds."""
    waiting = learner.until(lambda: phases(learner, [LearningStatus.WAITING], pulled))
    time.sleep(max(0.0, pulled + OUTAGE - time.monotonic()))
    assert not phases(learner, AT_WORK, waiting[0]["time"])
    plugged = time.monotonic()
    machines.plug(LEARNER)
    again = learner.until(lambda: phases(learner, AT_WORK, plugged))[0]["time"]
    print(
        f"waited after {waiting[0]['time'] - pulled:.2f} s, went on after {again - plugged:.2f} s"
    )
    (ended,) = learner.until(lambda: learner.of("code"))
    assert (ended["code"], ended["message"]) == (TrainExpert.Result.SUCCESS, "")
    assert ended["steps"] >= STEPS


def speeds(told):
    """Return how fast the tool was from each place on, over a fifth of a second [m/s]."""
    when = np.array([one["at"] for one in told])
    places = np.array([one["place"] for one in told])
    later = np.searchsorted(when, when + 0.2)
    whole = later < len(when)
    moved = np.linalg.norm(places[later[whole]] - places[whole], axis=1)
    return moved / (when[later[whole]] - when[whole])


def last_motion(told):
    """Return when the tool was last seen to move by more than 2 mm/s."""
    fast = speeds(told) > STILL
    return max((one["at"] for one, moves in zip(told, fast, strict=False) if moves), default=0.0)


def lately(told):
    """Return how fast the tool was in the last half second; nothing while too little is told."""
    return speeds([one for one in told if one["at"] > told[-1]["at"] - 0.5])


def under_way(told):
    """Tell whether the tool has moved in the last half second."""
    fast = lately(told) if told else []
    return bool(len(fast) and fast.max() > MOVING)


def rests(told):
    """Tell whether the tool has stood still for the last half second, of longer."""
    if not told or told[-1]["at"] - told[0]["at"] < 0.6:
        return False
    # After a pause many places are told of at once, and those of half a second are not complete.
    fast = lately(told)
    return bool(len(fast) and fast.max() < STILL)


@pytest.mark.timeout(300)  # it has six processes at once, on machines that may be busy
def test_a_cable_that_is_pulled_stops_the_arm_and_the_learner_waits_and_goes_on(
    start, machines, tmp_path
):
    robot = start(ROBOT, SUBNET, "told_robot", json.dumps(emulated_robot(tmp_path)))
    learner = learning(start, SUBNET, tmp_path, "reach")
    robot.until(lambda: robot.of("ready"))
    begin(learner)
    # Between two episodes, and in a pause of the machine, it stands still.
    robot.until(lambda: under_way(robot.of("place")))
    pulled = pull(machines)
    assert speeds(robot.of("place", pulled - 1.0)).max() > MOVING
    ending = robot.until(lambda: [one for one in robot.of("ending", pulled) if one["ending"]])[0]
    assert "no action came in time" in ending["ending"]
    assert robot.until(lambda: rests(robot.of("place", ending["time"])), OUTAGE)
    print(f"the episode was stopped after {ending['time'] - pulled:.2f} s")
    after = robot.of("place", pulled)
    print(f"the tool moved for {last_motion(after) - pulled:.2f} s")
    # It ends the step that was under way; five seconds at its speed would be 0.3 m.
    assert np.linalg.norm(np.subtract(after[-1]["place"], after[0]["place"])) < 0.05
    assert_the_run_goes_on_and_ends(machines, learner, pulled)


@pytest.mark.timeout(300)
def test_a_peer_is_met_without_multicast_and_again_after_the_cable_was_pulled(
    start, machines, namespace, tmp_path
):
    for place in (ROBOT, LEARNER):
        machines.do(place, *NO_MULTICAST)
    log = tmp_path / "world.log"
    with world(machines, namespace, log, pacing="realtime", hold_periods=10):
        learner = learning(start, PEER, tmp_path, "north_east")
        begin(learner)
        pulled = pull(machines)
        learner.until(lambda: "no action came in time" in log.read_text(encoding="utf-8"))
        assert_the_run_goes_on_and_ends(machines, learner, pulled)


@contextlib.contextmanager
def world(machines, namespace, log, **parameters):
    """Serve the point world on the robot's machine, which looks for nobody elsewhere."""
    command = machines.on(ROBOT, executable("polytask_sim", "sim_environment"))
    given = {"suite": "point", "image_height": 0, "image_width": 0, **parameters}
    options = {"namespace": namespace, "env": {**os.environ, **LOCALHOST}}
    with (
        log.open("w", encoding="utf-8") as stream,
        NodeProcess(*command, parameters=given, stderr=stream, **options),
    ):
        yield


def client_on_the_other_machine(machines, namespace, variables):
    """Return what a client on the learner's machine says of the world, or of missing it."""
    process = subprocess.Popen(
        machines.on(LEARNER, *module("abandoning_client", namespace)),
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        line = process.stdout.readline()
        process.kill()
        return line + process.stderr.read()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (PEER, "under way"),
        ({**PEER, PROFILE_VARIABLES[0]: str(WIDE)}, "under way"),
        (SUBNET, "EnvironmentLost"),
    ],
)
def test_a_robot_that_looks_at_itself_alone_is_met_by_who_names_it(
    machines, namespace, tmp_path, variables, said
):
    with world(machines, namespace, tmp_path / "world.log"):
        assert said in client_on_the_other_machine(machines, namespace, variables)


def settings(path):
    """Return what a Fast DDS profile sets, as pairs of a place in it and a value."""
    found = []

    def visit(element, place):
        place = f"{place}/{element.tag.split('}')[-1]}"
        text = (element.text or "").strip()
        found.extend([(place, text)] if text else [])
        found.extend((f"{place}@{name}", value) for name, value in element.items())
        for child in element:
            visit(child, place)

    visit(ET.parse(path).getroot(), "")  # noqa: S314  # our own file
    return found


def test_the_profile_for_two_machines_is_the_usual_one_with_larger_buffers():
    usual, wide = settings(PROFILE), settings(WIDE)
    added = [pair for pair in wide if pair not in usual]
    assert [place.split("/")[-1] for place, _ in added] == ["sendBufferSize", "receiveBufferSize"]
    assert [pair for pair in wide if pair not in added] == usual
    # More than a picture of 640x480.
    assert all(int(value) > 480 * 640 * 3 for _, value in added)
