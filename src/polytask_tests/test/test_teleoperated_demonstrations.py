"""A demonstration by joystick, recorded and lived again: in simulation and on the emulated arm.

The person is a script that sees what the observations tell and moves the stick accordingly; from
the joystick's messages on everything is what a lab runs.
"""

import contextlib
import itertools
from pathlib import Path

import pytest
import yaml
from sensor_msgs.msg import Joy
from std_msgs.msg import String

from polytask_contract.episodes.episode_file import read_episode
from polytask_msgs.action import RecordDemonstration
from polytask_msgs.msg import Observation
from polytask_ros import names, qos
from polytask_ros.messages import timestep_of
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_sim.suites.xarm import XarmSuite
from polytask_tests.asking import action_client
from polytask_tests.robot_under_test import REAL_ADDRESS, UNHURRIED, RobotUnderTest

pytestmark = pytest.mark.skipif(bool(REAL_ADDRESS), reason="no script sees a real table")

SEED = 3
DEADMAN, SLOWER, FASTER, START, SUCCESS, CANCEL = range(6)
MAPPING = {
    "pad": "a script's",
    "deadman": DEADMAN,
    "slower": SLOWER,
    "faster": FASTER,
    "start": START,
    "success": SUCCESS,
    "cancel": CANCEL,
    "speeds": [1.0],
    "action": [{"axis": axis, "scale": 1.0} for axis in range(4)],
}
numbers = itertools.count()


class Person:
    """Presses start, holds the dead-man button, and steers as the task's script would."""

    def __init__(self, robot, task):
        self._robot, self._script = robot, XarmSuite().demonstrator(task)
        self._stick = [0.0] * 4
        self._steps_begun = None
        self._said = 0
        node = robot.node
        self._joys = node.create_publisher(Joy, names.JOY, qos.EVENT)
        node.create_subscription(Observation, names.OBSERVATION, self._see, qos.TURN)
        node.create_subscription(String, names.HALT, self._press_anew, qos.EVENT)
        node.create_timer(0.02, self._say)

    def _see(self, message):
        if message.step_type == Observation.LAST:
            self._steps_begun, self._stick = None, [0.0] * 4
            return
        if self._steps_begun != message.episode:
            self._steps_begun, self._said = message.episode, 0
        self._stick = self._script(timestep_of(message)).tolist()

    def _press_anew(self, _halt):
        # On a busy machine the joystick is silent now and then: the button must go up and down.
        if self._steps_begun is not None:
            self._said = 0

    def _say(self):
        self._said += 1
        steering = self._steps_begun is not None
        buttons = [0] * 6
        # At an episode's start the button goes down first, and the stick leaves its middle then.
        buttons[DEADMAN] = int(steering and self._said > 10)
        buttons[START] = int(not steering and self._said % 50 < 5)
        axes = self._stick if steering and self._said > 20 else [0.0] * 4
        joy = Joy(axes=axes, buttons=buttons)
        joy.header.stamp = self._robot.node.get_clock().now().to_msg()
        self._joys.publish(joy)


@pytest.fixture(params=["sim", "emulated"])
def robot(request):
    """Return the nodes that a lab runs, with a simulation or with the emulated arm."""
    namespace = f"/demonstrations_{next(numbers)}"
    # A person takes longer than a policy to begin.
    patient = {**UNHURRIED["environment"], "hold_periods": 100}
    parameters = {"arm": UNHURRIED["arm"], "environment": patient}
    robot = RobotUnderTest(namespace, parameters=parameters, kind=request.param)
    with robot:
        yield robot


@pytest.mark.parametrize("task", ["reach", "close-drawer-left"])
def test_a_demonstration_by_joystick_is_recorded_and_succeeds_again(robot, task, tmp_path):
    mapping = tmp_path / "script.yaml"
    mapping.write_text(yaml.safe_dump(MAPPING))
    folder = tmp_path / "demonstrations"
    # The longest there is: a busy machine is not always on time.
    teleop = {"mapping": str(mapping), "joy_timeout": 0.18}
    with contextlib.ExitStack() as stack:
        for name, parameters in (("teleop", teleop), ("recorder", {})):
            command = executable("polytask_xarm_driver", name)
            process = NodeProcess(command, parameters=parameters, namespace=robot.namespace)
            stack.enter_context(process)
        person = Person(robot, task)
        result = recorded(robot, task, folder)
        del person
    assert result.code == result.SUCCESS, result.message
    (file,) = result.files
    episode = read_episode(Path(file))
    assert episode.source == "teleoperation"
    assert episode.successes[-1]
    assert lived_again(robot, episode)


def recorded(robot, task, folder):
    """Ask for one demonstration and return the action's result."""
    goal = RecordDemonstration.Goal(task=task, count=1, folder=str(folder), seed=SEED)
    with action_client(robot.node, robot.until, RecordDemonstration, names.RECORD) as client:
        sending = client.send_goal_async(goal)
        robot.until(sending.done)
        ending = sending.result().get_result_async()
        robot.until(ending.done, patience=100.0)
        return ending.result().result


def lived_again(robot, episode):
    """Return whether the episode's actions accomplish its task once more."""
    environment = RosEnvironment(episode.task, namespace=robot.namespace, timeout=30.0)
    try:
        environment.reset(episode.seed)
        return any(environment.step(action).observation["success"] for action in episode.actions)
    finally:
        environment.close()
