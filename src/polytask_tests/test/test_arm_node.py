"""The arm's node and an emulated controller, each a process: what dies, is cut or is hit stops."""

import contextlib
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from polytask_msgs.action import RecoverArm
from polytask_msgs.msg import ArmStatus, ToolCommand
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_tests.asking import action_client, ask
from polytask_tests.robot_under_test import free_address

PATIENCE = 30.0
SAID_EVERY = 0.04
# Longer than by default, as the test itself is not always on time; so no test waits for so long.
TIMEOUTS = {"command_timeout": 0.4, "controller_timeout": 0.3, "feedback_timeout": 1.0}
SPEED, BRAKING = 0.25, 2.0
# Near where the emulated arm begins.
MIDDLE = np.array([0.37, 0.0, 0.26])
EMULATOR = (sys.executable, "-m", "polytask_sim.ros.xarm_emulator_node")
# Requests of the controller, by number: see what another client could ask for.
SET_STATE, SET_REDUCED_MODE = 12, 50

worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def ros():
    initialize()
    yield
    rclpy.try_shutdown()


def place_of_its_own():
    """Return a namespace, and an address of this machine, that nobody else uses."""
    return f"/arm_{worker}_{next(numbers)}", free_address()


class Witness(threading.Thread):
    """Sees the tool by the controller's own reports, whatever becomes of its clients."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self._address, self._ended = address, False
        self._seen = (0.0, None)
        self.state, self.position, self.moves = 0, None, True
        self.start()

    def run(self):
        while not self._ended:
            with contextlib.suppress(OSError), self._connect() as stream:
                while not self._ended and (head := stream.read(4)):
                    self._see(head + stream.read(struct.unpack(">I", head)[0] - 4))
            self.moves = True

    def _connect(self):
        with socket.create_connection((self._address, 30003), timeout=1.0) as connection:
            return connection.makefile("rb")

    def _see(self, frame):
        self.state = frame[4] & 0x0F
        self.position = np.array(struct.unpack("<3f", frame[35:47])) / 1000
        since, before = self._seen
        if time.monotonic() - since > 0.2:
            still = before is not None and np.allclose(self.position, before, atol=1e-4)
            self.moves, self._seen = not still, (time.monotonic(), self.position)

    def close(self):
        self._ended = True
        self.join()


def request(address, code, payload):
    """Ask the controller for something as any other client may."""
    with socket.create_connection((address, 502), timeout=PATIENCE) as connection:
        connection.sendall(struct.pack(">HHHB", 1, 2, 1 + len(payload), code) + payload)
        assert connection.recv(64)[6] == code


class Operator(Node):
    """Commands the arm every SAID_EVERY seconds, and keeps what it tells."""

    def __init__(self, namespace):
        super().__init__("operator", namespace=namespace, start_parameter_services=False)
        self.status, self.pose, self.joints = None, None, None
        self.diagnostics, self.due, self.offset = {}, 0.0, 0.0
        self._commands = self.create_publisher(ToolCommand, names.ARM_COMMAND, qos.COMMAND)
        for kind, name, keep, profile in (
            (ArmStatus, names.ARM_STATUS, "status", qos.EVENT),
            (PoseStamped, names.TOOL_POSE, "pose", qos.SENSOR),
            (JointState, names.JOINT_STATES, "joints", qos.SENSOR),
        ):
            self.create_subscription(
                kind, name, lambda message, keep=keep: setattr(self, keep, message), profile
            )
        self.create_subscription(DiagnosticArray, names.DIAGNOSTICS, self._hear, qos.EVENT)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def _hear(self, message):
        prefix = f"{self.get_namespace().lstrip('/')}/arm: "
        for each in message.status:
            if each.name.startswith(prefix):
                self.diagnostics[each.name.removeprefix(prefix)] = each

    def wait_for(self, condition, keep=lambda: None, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, f"waited in vain; {self.status}"
            if time.monotonic() >= self.due:
                self.due = time.monotonic() + SAID_EVERY
                keep()
            self._executor.spin_once(timeout_sec=0.01)

    def answer(self, future):
        self.wait_for(future.done)
        return future.result()

    def ask(self, kind, name, question):
        return ask(self, self.wait_for, name.split("/")[0], kind, name, question)

    def change(self, transition):
        question = ChangeState.Request(transition=Transition(id=transition))
        return self.ask(ChangeState, "arm/change_state", question).success

    def fault(self, **values):
        """Set faults of the emulator."""
        wanted = [Parameter(f"faults.{name}", value=value) for name, value in values.items()]
        question = SetParameters.Request(parameters=[each.to_parameter_msg() for each in wanted])
        answer = self.ask(SetParameters, "xarm_emulator/set_parameters", question)
        assert all(each.successful for each in answer.results)

    def recover(self):
        phases = []
        with action_client(self, self.wait_for, RecoverArm, names.ARM_RECOVER) as client:
            sent = client.send_goal_async(
                RecoverArm.Goal(), lambda message: phases.append(message.feedback.phase)
            )
            result = self.answer(self.answer(sent).get_result_async()).result
        return result, phases

    def place(self):
        position = self.pose.pose.position
        return np.array([position.x, position.y, position.z])

    def beside(self, *way):
        return self.place() + np.array(way)

    def command(self, position, opening=float("nan")):
        message = ToolCommand(opening=opening)
        message.header.stamp = self.get_clock().now().to_msg()
        place, turned = message.pose.position, message.pose.orientation
        place.x, place.y, place.z = map(float, position)
        turned.x, turned.w = 1.0, 0.0
        self._commands.publish(message)

    def lead(self, way):
        """Command a place a little ahead, `way` from where the tool is seen."""
        self.command(self.beside(*way))

    def goes(self, position, opening=float("nan")):
        """Bring the tool to `position`, in commands that are near enough."""

        self.wait_for(lambda: self.pose is not None)

        def keep():
            way = np.array(position) - self.place()
            far = float(np.linalg.norm(way))
            self.command(self.place() + way * min(1.0, 0.04 / max(far, 1e-9)), opening)

        self.wait_for(lambda: np.linalg.norm(self.place() - position) < 1e-3, keep)

    def phase(self, phase, keep=lambda: None):
        self.wait_for(lambda: self.status is not None and self.status.phase == phase, keep)

    def under_way(self, way=(0.0, 0.03, 0.0)):
        """Have the tool move, and return once it does."""
        self.wait_for(lambda: self.pose is not None)
        begun = self.place()
        self.wait_for(lambda: np.linalg.norm(self.place() - begun) > 0.02, lambda: self.lead(way))


class Cell:
    """An emulated controller, and what is started with it."""

    def __init__(self, place, stack):
        self.namespace, self.address = place
        self._stack = stack
        self.operator = Operator(self.namespace)
        stack.callback(self.operator.destroy_node)

    def emulate(self):
        process = NodeProcess(
            *EMULATOR, parameters={"address": self.address}, namespace=self.namespace
        )
        self._stack.enter_context(process)
        self.operator.wait_for(lambda: self._listening(process))
        return process

    def during(self, stack):
        """Let what is started from now on end with `stack`."""
        self._stack = stack
        return self

    def _listening(self, process):
        assert process.running()
        with contextlib.suppress(OSError), socket.create_connection((self.address, 502), 1.0):
            return True
        return False

    def arm(self, autostart=True, **options):
        parameters = {
            "address": self.address, "autostart": autostart, **TIMEOUTS,
            **options.pop("parameters", {}),
        }  # fmt: skip
        command = executable("polytask_xarm_driver", "arm")
        process = NodeProcess(command, parameters=parameters, namespace=self.namespace, **options)
        return self._stack.enter_context(process)

    def witness(self):
        witness = Witness(self.address)
        self._stack.callback(witness.close)
        self.operator.wait_for(lambda: witness.position is not None)
        return witness


@pytest.fixture
def cell():
    with contextlib.ExitStack() as stack:
        yield Cell(place_of_its_own(), stack)


class Running:
    """A cell whose arm takes commands, for one test after the other; made anew if one broke it."""

    def __init__(self):
        self._stack, self._cell = contextlib.ExitStack(), None

    def cell(self):
        if self._cell is None or not self._takes_commands():
            self.end()
            cell = Cell(place_of_its_own(), self._stack)
            cell.emulate()
            cell.process = cell.arm()
            cell.operator.phase(ArmStatus.READY)
            self._cell = cell
        return self._cell

    def _takes_commands(self):
        operator = self._cell.operator
        operator.status = None
        if not self._cell.process.running():
            return False
        with contextlib.suppress(AssertionError):
            operator.wait_for(lambda: operator.status is not None, patience=2.0)
        return operator.status is not None and operator.status.phase == ArmStatus.READY

    def end(self):
        self._cell = None
        self._stack.close()


@pytest.fixture(scope="module")
def one_arm():
    arm = Running()
    yield arm
    arm.end()


@pytest.fixture
def running(one_arm):
    cell = one_arm.cell()
    cell.operator.goes(MIDDLE)
    with contextlib.ExitStack() as stack:
        yield cell.during(stack)


def test_a_life_from_connecting_to_disconnecting(cell):
    cell.emulate()
    operator, witness = cell.operator, cell.witness()
    process = cell.arm(autostart=False)
    operator.phase(ArmStatus.OFFLINE)
    assert operator.change(Transition.TRANSITION_CONFIGURE)
    operator.phase(ArmStatus.IDLE)
    assert witness.state == 4
    assert operator.change(Transition.TRANSITION_ACTIVATE)
    operator.phase(ArmStatus.READY)
    assert (operator.status.mode, operator.status.error_code) == (5, 0)
    operator.wait_for(lambda: operator.pose is not None and operator.joints is not None)
    assert operator.joints.name[:7] == [f"joint{number}" for number in range(1, 8)]
    goal = operator.beside(0.03, 0.05, -0.04)
    operator.goes(goal, 0.05)
    assert np.linalg.norm(witness.position - goal) < 5e-3
    operator.wait_for(lambda: abs(operator.status.opening - 0.05) < 1e-3)
    assert operator.joints.name[7] == "drive_joint"
    closed = 0.85 - 0.05 / 0.084 * 0.85
    operator.wait_for(lambda: abs(operator.joints.position[7] - closed) < 0.01)
    assert operator.change(Transition.TRANSITION_DEACTIVATE)
    operator.phase(ArmStatus.IDLE)
    operator.wait_for(lambda: witness.state == 4)
    assert operator.change(Transition.TRANSITION_CLEANUP)
    operator.phase(ArmStatus.OFFLINE)
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_a_silent_commander_means_standing_still_and_the_next_command_goes_on(running):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    expired = operator.status.expired
    operator.wait_for(lambda: operator.status.expired == expired + 1)
    operator.wait_for(lambda: not operator.status.moving and not witness.moves)
    assert operator.status.phase == ArmStatus.READY
    assert "no command that counts came for 0.4 s" in operator.status.reason
    operator.goes(MIDDLE)
    operator.wait_for(lambda: operator.status.reason == "", lambda: operator.command(MIDDLE))


def test_a_word_to_rest_counts_at_once_without_a_stamp_or_a_place(running):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    expired = operator.status.expired
    operator._commands.publish(ToolCommand(rest=True))
    operator.wait_for(lambda: operator.status.reason == "the arm was told to rest")
    operator.wait_for(lambda: not operator.status.moving and not witness.moves)
    assert operator.status.expired == expired
    assert operator.status.phase == ArmStatus.READY
    operator.goes(MIDDLE)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_an_arm_whose_driver_dies_or_stalls_is_stopped_by_the_controller(running, fault):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    running.process.signal(fault)
    left_at = witness.position.copy()
    operator.wait_for(lambda: not witness.moves)
    # As far as it may go in the controller's time, braking, and a report's delay.
    furthest = SPEED * (TIMEOUTS["controller_timeout"] + 0.1) + SPEED**2 / (2 * BRAKING)
    assert np.linalg.norm(witness.position - left_at) < furthest
    assert witness.state != 4
    running.process.kill()
    operator.status = None
    running.process = running.arm()
    operator.phase(ArmStatus.READY)
    operator.goes(MIDDLE)


def test_a_driver_that_is_told_to_end_leaves_the_arm_stopped_and_switched_off(running):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    running.process.signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE) == 0
    operator.wait_for(lambda: witness.state == 4 and not witness.moves)


def drop(operator, _address):
    operator.fault(drop_control=True)


def drop_reports(operator, _address):
    operator.fault(drop_reports=True)


def stall(operator, _address):
    operator.fault(stall_control=True)


def stall_reports(operator, _address):
    operator.fault(stall_reports=True)


def mend(operator):
    operator.fault(stall_control=False, stall_reports=False)


def hit(operator, _address):
    operator.fault(error=31)


def switch_limits_off(_operator, address):
    request(address, SET_REDUCED_MODE, b"\0")


def stop_it(_operator, address):
    request(address, SET_STATE, b"\4")


def spoil_answers(operator, _address):
    operator.fault(corrupt_frames=50)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (drop, "connection to the controller is lost|did not answer"),
        (drop_reports, "no report of the tool came|connection"),
        (stall, "did not answer|no report"),
        (stall_reports, "no report of the tool came"),
        (hit, "controller error 31: the arm hit something; clear its way"),
        (switch_limits_off, "reduced mode is False and was set to True"),
        (stop_it, "by itself or by another client"),
        (spoil_answers, "the controller refused|did not answer|cannot be read"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_goes_wrong_stops_the_arm_and_one_recovery_goes_on(running, happens, reason):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    happens(operator, running.address)
    operator.phase(ArmStatus.STOPPED, lambda: operator.lead((0.0, 0.03, 0.0)))
    mend(operator)
    operator.wait_for(lambda: not witness.moves)
    assert any(words in operator.status.reason for words in reason.split("|"))
    operator.wait_for(
        lambda: (
            operator.diagnostics.get("controller")
            and operator.diagnostics["controller"].level == DiagnosticStatus.ERROR
        )
    )
    refused = operator.status.refused
    operator.wait_for(
        lambda: operator.status.refused > refused, lambda: operator.lead((0.0, 0.01, 0.0))
    )
    assert operator.status.phase == ArmStatus.STOPPED
    stood = witness.position
    operator.wait_for(lambda: recovered(operator))
    assert np.allclose(witness.position, stood, atol=1e-3)
    operator.phase(ArmStatus.READY)
    operator.goes(MIDDLE)


def recovered(operator):
    end = time.monotonic() + PATIENCE
    result, phases = operator.recover()
    # On a busy machine the emulated controller is late now and then.
    while "did not answer" in result.message and time.monotonic() < end:
        result, phases = operator.recover()
    if result.code == RecoverArm.Result.SUCCESS:
        assert "enabling the arm" in phases
        assert result.message == ""
    return result.code == RecoverArm.Result.SUCCESS


def test_a_pressed_emergency_stop_must_be_released_before_a_recovery(running):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    operator.fault(emergency_stop=True)
    operator.phase(ArmStatus.STOPPED)
    operator.wait_for(lambda: not witness.moves)
    result, _ = operator.recover()
    assert result.code == RecoverArm.Result.FAILED
    assert "emergency stop" in result.message
    assert operator.status.phase == ArmStatus.STOPPED
    # Nor does the long way round clear it.
    for pressed in (True, False):
        operator.fault(emergency_stop=pressed)
        assert operator.change(Transition.TRANSITION_DEACTIVATE)
        assert operator.change(Transition.TRANSITION_ACTIVATE)
        operator.phase(ArmStatus.STOPPED)
    assert recovered(operator)
    operator.phase(ArmStatus.READY)
    operator.goes(MIDDLE)


def test_motors_that_refuse_are_said_and_work_later(cell):
    cell.emulate()
    operator = cell.operator
    cell.arm(autostart=False)
    assert operator.change(Transition.TRANSITION_CONFIGURE)
    operator.fault(refuse_enable=True)
    assert not operator.change(Transition.TRANSITION_ACTIVATE)
    operator.phase(ArmStatus.IDLE)
    operator.fault(refuse_enable=False)
    assert operator.change(Transition.TRANSITION_ACTIVATE)
    operator.phase(ArmStatus.READY)


def test_an_error_from_before_the_start_needs_one_recovery_and_no_restart(cell):
    cell.emulate()
    operator = cell.operator
    operator.fault(emergency_stop=True)
    cell.arm()
    operator.phase(ArmStatus.STOPPED)
    assert "release the emergency stop" in operator.status.reason
    assert operator.recover()[0].code == RecoverArm.Result.FAILED
    operator.fault(emergency_stop=False)
    assert recovered(operator)
    operator.goes(MIDDLE)


@pytest.mark.parametrize(
    "transition",
    [
        Transition(id=Transition.TRANSITION_ACTIVATE),
        Transition(label="activate"),
        Transition(id=200),
        Transition(label="fly"),
    ],
)
def test_a_transition_that_is_not_possible_is_refused_and_the_node_lives_on(cell, transition):
    cell.emulate()
    operator = cell.operator
    process = cell.arm(autostart=False, stderr=subprocess.PIPE)
    question = ChangeState.Request(transition=transition)
    assert not operator.ask(ChangeState, "arm/change_state", question).success
    assert operator.change(Transition.TRANSITION_CONFIGURE)
    operator.phase(ArmStatus.IDLE)
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    said = process.errors.read().decode()
    assert "is not possible from unconfigured; valid: configure (1), shutdown (5)" in said


def test_being_told_to_stop_lasts_until_a_recovery(running):
    operator, witness = running.operator, running.witness()
    operator.under_way()
    answer = operator.ask(Trigger, names.ARM_STOP, Trigger.Request())
    assert answer.success
    assert answer.message == "the arm was told to stop"
    operator.phase(ArmStatus.STOPPED)
    operator.wait_for(lambda: not witness.moves and witness.state == 4)
    assert recovered(operator)
    operator.goes(MIDDLE)


def test_of_two_recoveries_at_once_the_second_is_told_to_wait(running):
    operator = running.operator
    operator.ask(Trigger, names.ARM_STOP, Trigger.Request())
    with action_client(operator, operator.wait_for, RecoverArm, names.ARM_RECOVER) as client:
        sent = [client.send_goal_async(RecoverArm.Goal()) for _ in range(2)]
        asked = [operator.answer(each).get_result_async() for each in sent]
        codes = [operator.answer(each).result.code for each in asked]
    assert sorted(codes) == [RecoverArm.Result.SUCCESS, RecoverArm.Result.BUSY]
    operator.phase(ArmStatus.READY)


def test_commands_that_jump_are_late_or_leave_the_workspace_move_nothing(running):
    operator, witness = running.operator, running.witness()
    operator.wait_for(lambda: operator.status.reason.startswith("no command"))
    operator.wait_for(lambda: not witness.moves)
    begun = witness.position.copy()

    def late():
        operator.get_clock = LateClock
        operator.lead((0.0, 0.01, 0.0))
        del operator.get_clock

    for say, refusal in (
        (lambda: operator.lead((0.1, 0.0, 0.0)), "first command is 0.1"),
        (lambda: operator.command([0.0, 0.0, 0.0]), "valid: from [0.2, -0.35, 0.02]"),
        (late, "stamp is"),
    ):
        operator.wait_for(lambda refusal=refusal: refusal in operator.status.refusal, say)
    assert operator.status.phase == ArmStatus.READY
    assert np.allclose(witness.position, begun, atol=1e-4)


class LateClock:
    def now(self):
        return rclpy.time.Time(seconds=1.0)


def fails_to_start(cell, **options):
    process = cell.arm(stderr=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    assert process.wait(PATIENCE) == 1
    return process.errors.read().decode()


def test_no_controller_is_said_in_one_sentence(cell):
    words = fails_to_start(cell)
    assert f"error: the controller at {cell.address} cannot be reached" in words
    assert "Traceback" not in words


def test_a_home_that_cannot_be_written_is_said_in_one_sentence(cell, tmp_path):
    environment = {**os.environ, "HOME": "/dev/null", "ROS_LOG_DIR": str(tmp_path)}
    words = fails_to_start(cell, env=environment)
    assert "error: the maker's SDK keeps logs in .UFACTORY in the home folder" in words
    assert "Traceback" not in words


def test_an_address_that_is_none_is_said_in_one_sentence(cell):
    words = fails_to_start(cell, parameters={"address": "robot"})
    assert "error: the address is 'robot'; valid: four numbers" in words


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (b"v1.7.9", "the controller's firmware is 1.7.9; valid: 1.8.0 or newer"),
        (None, "did not answer within 1 s"),
    ],
)
def test_a_controller_too_old_or_mute_is_refused(cell, version, sentence):
    with socket.create_server((cell.address, 502)) as server:
        threading.Thread(target=answer_version, args=(server, version), daemon=True).start()
        words = fails_to_start(cell, parameters={"connect_timeout": 1.0})
    assert sentence in words
    assert "Traceback" not in words


def answer_version(server, version):
    """Answer every request for the version, on every connection, until the server is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=talk, args=(connection, version), daemon=True).start()


def talk(connection, version):
    with contextlib.suppress(OSError), connection:
        while request := connection.recv(1024):
            if version is not None:
                body = b"\0" + b"7,7,XS1304,AC1303," + version
                connection.sendall(
                    request[:4] + struct.pack(">H", 42) + request[6:7] + body.ljust(41, b"\0")
                )


def test_connecting_again_and_again_leaves_nothing_behind(cell):
    cell.emulate()
    operator = cell.operator
    process = cell.arm(autostart=False)

    def held():
        """Return how many threads the process has, and how many files and sockets."""
        return [len(os.listdir(f"/proc/{process.pid}/{what}")) for what in ("task", "fd")]

    most = []
    for _ in range(50):
        for transition in (
            Transition.TRANSITION_CONFIGURE,
            Transition.TRANSITION_ACTIVATE,
            Transition.TRANSITION_DEACTIVATE,
            Transition.TRANSITION_CLEANUP,
        ):
            assert operator.change(transition)
        # What is loaded once stays; a thread that has ended is counted a moment longer.
        most = most or held()
        operator.wait_for(lambda most=most: all(map(int.__le__, held(), most)))
