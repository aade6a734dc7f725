"""A person with a joystick over ROS: who lets go, is unplugged or is stuck moves nothing."""

import contextlib
import errno
import itertools
import signal
import subprocess
import time

import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from evdev import InputEvent, ecodes
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import String

from polytask_msgs.msg import Action, Observation, OperatorEvent
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.suites.point import LARGEST_STEP, PLACES
from polytask_xarm_driver.joystick.source import NoGamepad, Range
from polytask_xarm_driver.ros.joystick import Joystick
from polytask_xarm_driver.ros.teleop import Teleop

PATIENCE = 30.0
SAID_EVERY = 0.02
# The longest there is: on a busy machine the test itself is not always on time.
JOY_TIMEOUT = 0.18
TASK = "north_east"
DEADMAN, SLOWER, FASTER, START, SUCCESS, CANCEL = range(6)
MAPPING = {
    "pad": "a test",
    "deadman": DEADMAN,
    "slower": SLOWER,
    "faster": FASTER,
    "start": START,
    "success": SUCCESS,
    "cancel": CANCEL,
    "speeds": [1.0],
    "action": [{"axis": 0, "scale": 1.0}, {"axis": 1, "scale": 1.0}],
}
numbers = itertools.count()


@pytest.fixture
def namespace():
    return f"/teleop_{next(numbers)}"


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(MAPPING))
    return str(path)


class Person(Node):
    """Says how a joystick stands every SAID_EVERY seconds, and keeps what comes of it."""

    def __init__(self, namespace=None):
        super().__init__("person", namespace=namespace, start_parameter_services=False)
        self.halts, self.words, self.turns, self.actions = [], [], [], []
        self.joys, self.diagnostics = [], []
        self.standing, self.frozen, self._due = ((0.0, 0.0), (0,) * 6), None, 0.0
        self._joys = self.create_publisher(Joy, names.JOY, qos.EVENT)
        for kind, name, kept, profile in (
            (String, names.HALT, self.halts, qos.EVENT),
            (OperatorEvent, names.OPERATOR_EVENT, self.words, qos.EVENT),
            (Observation, names.OBSERVATION, self.turns, qos.TURN),
            (Action, names.ACTION, self.actions, qos.TURN),
            (Joy, names.JOY, self.joys, qos.EVENT),
            (DiagnosticArray, names.DIAGNOSTICS, self.diagnostics, qos.EVENT),
        ):
            self.create_subscription(kind, name, kept.append, profile)
        self.executor_alone = SingleThreadedExecutor()
        self.executor_alone.add_node(self)

    def hold(self, *held, x=0.0, y=0.0):
        """Let the joystick stand so from now on."""
        buttons = tuple(int(button in held) for button in range(6))
        self.standing = ((x, y), buttons)

    def unplug(self):
        """Say nothing from now on."""
        self.standing = None

    def live(self):
        """Wait a moment; say what is due."""
        if self.standing is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + SAID_EVERY
            message = Joy(axes=list(self.standing[0]), buttons=list(self.standing[1]))
            message.header.stamp = self.frozen or self.get_clock().now().to_msg()
            self._joys.publish(message)
        self.executor_alone.spin_once(timeout_sec=0.005)

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not (answer := condition()):
            assert time.monotonic() < end, "waited in vain"
            self.live()
        return answer

    def press(self, x=0.0, y=0.0):
        """Press the dead-man button with the stick in its middle, then push the stick."""
        for standing in ((), (DEADMAN,)):
            self.hold(*standing)
            self.listen(4)
        self.hold(DEADMAN, x=x, y=y)

    def listen(self, count):
        """Say how the joystick stands at least `count` times."""
        for _ in range(count):
            due = self._due
            self.until(lambda due=due: self._due != due)


@pytest.fixture
def person(namespace):
    initialize()
    node = Person(namespace)
    yield node
    node.executor_alone.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def start(namespace):
    """Start nodes of a package in the test's namespace, and end them with it."""
    with contextlib.ExitStack() as stack:

        def start(package, name, parameters=None, **options):
            command = executable(package, name)
            process = NodeProcess(command, parameters=parameters, namespace=namespace, **options)
            return stack.enter_context(process)

        yield start


@pytest.fixture
def teleop(start, mapping, person):
    """Return the running node, once it hears the person and the person hears it."""
    process = start(
        "polytask_xarm_driver", "teleop", {"mapping": mapping, "joy_timeout": JOY_TIMEOUT}
    )
    cancelled = itertools.cycle([(), (), (), (CANCEL,), (CANCEL,), (CANCEL,)])

    def heard():
        person.hold(*next(cancelled))
        person.listen(1)
        return person.words

    person.until(heard)
    person.hold()
    person.listen(5)
    person.words.clear()
    return process


@pytest.fixture
def serve(start, namespace, teleop):
    """Serve the point world by some pacing; return its client, once teleop is connected to it."""
    del teleop
    with contextlib.ExitStack() as stack:

        def serve(pacing, **parameters):
            start(
                "polytask_sim",
                "sim_environment",
                {"pacing": pacing, "image_height": 0, "image_width": 0, **parameters},
            )
            environment = RosEnvironment(TASK, namespace=namespace, timeout=PATIENCE)
            return stack.enter_context(contextlib.closing(environment))

        yield serve


def begin(environment, person):
    """Begin an episode and steer in it; again where its first turn or an answer was missed."""
    while True:
        person.hold()
        person.turns.clear()
        person.actions.clear()
        environment.reset(5)
        person.press()
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            person.live()
            if person.actions and len(person.turns) > 1:
                person.halts.clear()
                return


def test_a_person_drives_the_point_to_its_place_in_lockstep(serve, person):
    environment = serve("lockstep")
    begin(environment, person)
    place = np.array(PLACES[TASK])

    def steer():
        if person.halts:
            # The test was late, so the joystick was silent: the button must be pressed anew.
            person.press()
            person.halts.clear()
        way = (place - np.array(person.turns[-1].state)) / LARGEST_STEP
        x, y = way / max(1.0, np.abs(way).max())
        person.hold(DEADMAN, x=float(x), y=float(y))
        return person.turns[-1].success or person.turns[-1].step_type == Observation.LAST

    person.until(steer)
    assert person.turns[-1].success
    steps = sorted({turn.step for turn in person.turns})
    assert steps == list(range(steps[0], steps[-1] + 1))
    # It was the stick that moved the point.
    assert any(np.any(turn.action) for turn in person.turns[1:])


def test_in_lockstep_the_world_waits_for_the_dead_man_button(serve, person):
    begin(serve("lockstep"), person)
    person.hold(x=1.0)
    person.until(lambda: person.halts)
    # The answer that was under way at the halt is answered yet.
    person.until(lambda: person.turns[-1].step > person.actions[-1].step)
    before = len(person.turns)
    person.listen(30)
    assert len(person.turns) == before
    person.press()
    person.until(lambda: len(person.turns) > before)


def test_the_same_node_moves_the_simulated_arm_by_a_pad_of_the_shop(start, namespace, person):
    def stand(*held, ahead=0.0):
        axes = (0.0, ahead, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        person.standing = (axes, tuple(int(button in held) for button in range(11)))

    shoulder, right_shoulder = 4, 5
    stand()
    start("polytask_xarm_driver", "teleop", {"mapping": "xbox", "joy_timeout": JOY_TIMEOUT})
    start("polytask_sim", "sim_environment", {"suite": "xarm", "image_height": 0, "image_width": 0})
    environment = RosEnvironment("reach", namespace=namespace, timeout=PATIENCE)
    person.until(lambda: person.count_publishers(names.HALT))

    def taken(values):
        stand()
        person.turns.clear()
        environment.reset(5)
        person.listen(4)
        stand(shoulder)
        person.listen(4)
        stand(*((shoulder, right_shoulder) if values[3] else (shoulder,)), ahead=values[0] * 4)
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            person.live()
            if len(person.turns) > 2 and list(person.turns[-1].action) == values:
                return [turn.state[0] for turn in person.turns]
        return None

    opened = person.until(lambda: taken([0.0, 0.0, 0.0, 1.0]))
    moved = person.until(lambda: taken([0.25, 0.0, 0.0, 0.0]))
    assert moved[-1] > moved[0] + 0.003
    assert abs(opened[-1] - opened[0]) < 0.003
    environment.close()


def silence(person):
    person.unplug()


def freeze(person):
    person.frozen = person.joys[-1].header.stamp


def release(person):
    person.hold(x=1.0)


FAULTS = {
    silence: "the joystick said nothing new for 0.18 s",
    freeze: "the joystick said nothing new for 0.18 s: its stamp does not advance",
    release: "the dead-man button was released",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_in_real_time_the_world_rests_from_then_on(serve, person, fault):
    # A pause of teleop ends no episode: here nobody stops it but by the fault.
    environment = serve("realtime", hold_periods=100)

    def moved():
        begin(environment, person)
        person.hold(DEADMAN, x=1.0)
        end = time.monotonic() + 1.0
        while time.monotonic() < end and not person.halts:
            person.live()
            if person.turns[-1].step < 20 and any(person.turns[-1].action):
                return True
        return False

    def halted():
        person.until(moved)
        fault(person)
        if person.until(lambda: person.halts)[0].data == FAULTS[fault]:
            return True
        # The test was late as the fault began, so the joystick was silent, which halts as well.
        assert person.halts[0].data == FAULTS[silence]
        person.frozen = None
        return False

    person.until(halted)

    def rested():
        """Return the first answer of rest after those that moved: it was sent with the halt."""
        acting = [place for place, action in enumerate(person.actions) if any(action.values)]
        return person.actions[acting[-1] + 1 :][:1] if acting else []

    halted_at = person.until(rested)[0].step
    # The action of the period in which it was halted was replaced, and those after it are rest.
    person.until(lambda: person.turns[-1].step >= halted_at + 4)
    assert [any(turn.action) for turn in person.turns if turn.step > halted_at + 1] == [False] * (
        person.turns[-1].step - halted_at - 1
    )
    # The episode goes on: nobody stopped it.
    assert person.turns[-1].ending != Observation.STOPPED
    assert len(person.halts) == 1


def test_teleop_that_ends_while_somebody_steers_halts(teleop, person):

    def steering():
        # A halt that was heard shows that the last one can be.
        person.press()
        person.hold()
        person.listen(5)
        heard = bool(person.halts)
        person.halts.clear()
        person.press()
        person.listen(5)
        # Halted again, as the test was late, nobody steers.
        return heard and not person.halts

    person.until(steering)
    person.halts.clear()
    teleop.signal(signal.SIGINT)
    person.until(lambda: any(halt.data == "teleop ends" for halt in person.halts))
    assert teleop.wait(PATIENCE) == 0


def test_each_press_is_one_word(teleop, person):
    del teleop
    said = []

    def pressed(button):
        """Press it once, and return how many words came of it."""
        before = len(person.words)
        person.hold()
        person.listen(5)
        person.hold(button)
        person.listen(25)
        words = [word.event for word in person.words[before:]]
        assert len(words) <= 1
        said.extend(words)
        return len(words)

    for button in (START, SUCCESS, CANCEL, START):
        # Pressed again where the test was late: what a silent joystick holds was not pressed then.
        person.until(lambda button=button: pressed(button))
    person.hold()
    person.listen(10)
    event = OperatorEvent
    assert said == [event.START, event.SUCCESS, event.CANCEL, event.START]
    assert len(person.words) == len(said)
    assert all(word.header.stamp.sec > 0 for word in person.words)


def ended(process):
    """Wait for a process to end by itself; return its status and what it complained of."""
    status = process.wait(PATIENCE)
    return status, process.errors.read().strip().splitlines()[-1]


def test_an_unknown_mapping_ends_the_node_with_one_sentence(start):
    process = start(
        "polytask_xarm_driver", "teleop", {"mapping": "wheel"}, stderr=subprocess.PIPE, text=True
    )
    status, sentence = ended(process)
    assert status == 1
    assert sentence.startswith("error: there is no mapping 'wheel'; valid: game_controller, ")


def test_a_mapping_for_more_values_than_the_world_has_ends_the_node(start):
    start("polytask_sim", "sim_environment", {"image_height": 0, "image_width": 0})
    process = start(
        "polytask_xarm_driver", "teleop", {"mapping": "xbox"}, stderr=subprocess.PIPE, text=True
    )
    status, sentence = ended(process)
    assert status == 1
    assert sentence == (
        "error: the mapping 'xbox' feeds 4 values of an action; "
        "valid: at most 2, which the environment has"
    )


def test_a_mapping_for_another_pad_ends_the_node(start, person):
    process = start(
        "polytask_xarm_driver", "teleop", {"mapping": "xbox"}, stderr=subprocess.PIPE, text=True
    )
    person.until(lambda: not process.running())
    status, sentence = ended(process)
    assert status == 1
    assert sentence == (
        "error: the mapping 'xbox' takes value 2 of the action from axis 4; "
        "valid: 0 to 1, which the joystick has"
    )


def test_a_joystick_that_is_not_there_is_told_of_and_says_nothing(start, person):
    person.unplug()
    process = start("polytask_xarm_driver", "joystick", {"device": "A pad of nobody"})
    name = f"{person.get_namespace().lstrip('/')}/joystick: gamepad"

    def told():
        found = [status for each in person.diagnostics for status in each.status]
        return [status for status in found if status.name == name][2:]

    status = person.until(told)[0]
    assert status.level == DiagnosticStatus.ERROR
    assert "no gamepad is called 'A pad of nobody'" in status.message
    assert person.joys == []
    process.signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


# A pad that is unplugged, from its events to the halt.


class Pad:
    """A Source with a stick and six buttons, without a device."""

    name, place = "Pad", "/dev/input/event9"
    buttons = tuple(range(ecodes.BTN_TRIGGER, ecodes.BTN_TRIGGER + 6))
    axes = {ecodes.ABS_X: Range(-100, 100), ecodes.ABS_Y: Range(-100, 100)}  # noqa: RUF012

    def __init__(self):
        self.events, self.held, self.unplugged = [], set(), False

    def _check(self):
        if self.unplugged:
            raise OSError(errno.ENODEV, "No such device")

    def pressed(self):
        self._check()
        return self.held

    def positions(self):
        self._check()
        return {}

    def read(self):
        self._check()
        events, self.events = self.events, []
        return events

    def close(self):
        pass

    def happen(self, button, value):
        code = ecodes.BTN_TRIGGER + button
        self.events.append(InputEvent(0, 0, ecodes.EV_KEY, code, value))


class Bench:
    """A joystick and teleop in this process, with a pad that a test can pull out."""

    def __init__(self, person):
        self.pad, self.person = Pad(), person
        self.joystick, self.teleop = Joystick(self._find), Teleop()
        for node in (self.joystick, self.teleop):
            person.executor_alone.add_node(node)

    def _find(self, device):
        assert device == ""
        if self.pad.unplugged:
            raise NoGamepad("no gamepad is there")
        return self.pad

    def close(self):
        for node in (self.joystick, self.teleop):
            self.person.executor_alone.remove_node(node)
            node.destroy_node()


@pytest.fixture
def bench(namespace, mapping, tmp_path):
    parameters = {"mapping": mapping, "joy_timeout": JOY_TIMEOUT}
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump({f"{namespace}/teleop": {"ros__parameters": parameters}}))
    options = ["-r", f"__ns:={namespace}", "--params-file", str(file)]
    initialize(["bench", "--ros-args", *options])
    person = Person()
    person.unplug()
    made = Bench(person)
    yield made
    made.close()
    person.executor_alone.shutdown()
    person.destroy_node()
    rclpy.try_shutdown()


def levels(person):
    return [status.level for each in person.diagnostics for status in each.status]


def test_a_pad_that_is_pulled_out_halts_and_is_never_repeated(bench):
    person, pad = bench.person, bench.pad
    person.until(lambda: len(person.joys) > 3)

    def steering():
        # Pressed again and again, as in a busy process the joystick is late now and then.
        pad.happen(DEADMAN, 0)
        person.until(lambda: person.joys[-1].buttons[DEADMAN] == 0)
        person.halts.clear()
        pad.happen(DEADMAN, 1)
        person.until(lambda: person.joys[-1].buttons[DEADMAN] == 1)
        seen = len(person.joys)
        person.until(lambda: len(person.joys) > seen + 3)
        return not person.halts

    person.until(steering)
    said = person.joys[-1]
    assert (said.header.frame_id, len(said.axes), len(said.buttons)) == ("joy", 2, 6)
    stamps = [(joy.header.stamp.sec, joy.header.stamp.nanosec) for joy in person.joys]
    assert stamps == sorted(set(stamps))
    pad.unplugged = True
    person.until(lambda: DiagnosticStatus.ERROR in levels(person))
    # What was under way when the pad was pulled out has come by now.
    person.until(lambda: person.halts)
    assert person.halts[0].data == "the joystick said nothing new for 0.18 s"
    before = len(person.joys)
    # Looked for in vain, more than once.
    told = levels(person).count(DiagnosticStatus.ERROR)
    person.until(lambda: levels(person).count(DiagnosticStatus.ERROR) >= told + 2)
    assert len(person.joys) == before
    # Plugged in again with the button held, it speaks, and nobody steers yet.
    pad.unplugged, pad.held = False, {ecodes.BTN_TRIGGER}
    person.until(lambda: len(person.joys) > before + 3)
    assert person.joys[-1].buttons[DEADMAN] == 1
    assert len(person.halts) == 1
    person.until(lambda: levels(person)[-1] == DiagnosticStatus.OK)
