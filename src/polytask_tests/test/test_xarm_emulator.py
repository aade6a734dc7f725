"""The maker's own SDK against the emulator: two processes, and what goes wrong between them."""

import itertools
import json
import math
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from polytask_msgs.msg import SceneState
from polytask_msgs.srv import PrepareScene
from polytask_ros import names, qos
from polytask_ros.messages import image_array
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_sim.emulator.motion.pose import matrix_of
from polytask_sim.ros.xarm_emulator import XarmEmulator
from polytask_tests.robot_under_test import free_address

EMULATOR = ("polytask_sim", "xarm_emulator")
SDK = (sys.executable, "-m", "polytask_tests.sdk_process")
PATIENCE = 60
ANSWERED_WITHIN = 5
DOWN = (math.pi, 0.0, 0.0)
# Nearer than this is there [mm].
NEAR = 1.0
numbers = itertools.count()


def may_listen():
    """Tell whether this process may listen at the control port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((free_address(), 502))
        except PermissionError:
            return False
    return True


pytestmark = pytest.mark.skipif(
    not may_listen(), reason="this user may not listen at port 502, which the SDK insists on"
)


class Sdk:
    """The SDK in a process of its own, connected to an arm."""

    def __init__(self, address):
        self.process = subprocess.Popen(
            [*SDK, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version = None

    def open(self):
        """Wait until it is connected."""
        self.version = self.answer()
        return self

    def start(self, name, *positional, **named):
        """Begin a call; `answer` waits for its value."""
        self.send([name, positional, named])

    def call(self, name, *positional, **named):
        self.start(name, *positional, **named)
        return self.answer()

    def look(self, name):
        """Return a property."""
        self.send([name])
        return self.answer()

    def send(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def done(self, name, *positional, **named):
        """Call what must succeed; return what it tells besides."""
        answer = self.call(name, *positional, **named)
        if isinstance(answer, list):
            assert answer[0] == 0, (name, answer)
            return answer[1] if len(answer) == 2 else answer[1:]
        assert answer == 0, (name, answer)
        return None

    def switch_on(self, mode=0):
        self.done("motion_enable", True)
        self.done("set_mode", mode)
        self.done("set_state", 0)

    def recover(self):
        """Do what an error asks for, and read it anew: the SDK remembers the old one a while."""
        self.call("clean_error")
        self.switch_on()
        assert self.done("get_err_warn_code") == [0, 0]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class EmulatorNode:
    """The emulator's process and the node that disturbs it."""

    def __init__(self, node, address, namespace):
        self.node, self.address = node, address
        name = f"/{namespace}/xarm_emulator/set_parameters"
        self.setting = node.create_client(SetParameters, name)

    def set(self, name, value):
        """Set a parameter of the group faults; return why not, or nothing."""
        parameter = Parameter(f"faults.{name}", value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        (result,) = self.ask(self.setting, request).results
        return result.reason

    def ask(self, client, request):
        """Call a service; the answer to the first call of a client can get lost, so ask again."""
        assert client.wait_for_service(PATIENCE)
        for _ in range(PATIENCE // ANSWERED_WITHIN):
            future = client.call_async(request)
            rclpy.spin_until_future_complete(self.node, future, timeout_sec=ANSWERED_WITHIN)
            if future.done():
                return future.result()
        raise AssertionError(f"{client.srv_name} does not answer")


def wait_until(condition, node=None):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        if node is None:
            time.sleep(0.02)
        else:
            rclpy.spin_once(node, timeout_sec=0.02)


def reachable(address):
    try:
        socket.create_connection((address, 502), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def start():
    """Start emulators; each is ended with the test."""
    initialize()
    number = next(numbers)
    node = rclpy.create_node(f"disturber_{number}")
    processes = []

    def start(**parameters):
        address = free_address()
        namespace = f"emulated_{number}_{len(processes)}"
        process = NodeProcess(
            executable(*EMULATOR),
            parameters={"address": address, **parameters},
            namespace=namespace,
        )
        processes.append(process)
        wait_until(lambda: reachable(address) or not process.running())
        assert process.running()
        emulator = EmulatorNode(node, address, namespace)
        # From here on every setting is answered, and so is made just once.
        emulator.set("answer_delay", 0.0)
        return emulator

    yield start
    statuses = [process.stop() for process in processes]
    node.destroy_node()
    rclpy.try_shutdown()
    assert statuses == [0] * len(statuses)


@pytest.fixture
def emulator(start):
    return start()


@pytest.fixture
def connect():
    """Connect the SDK to an address; each connection is closed with the test."""
    sdks = []

    def connect(address):
        sdks.append(Sdk(address))
        return sdks[-1].open()

    yield connect
    for sdk in sdks:
        sdk.close()


@pytest.fixture
def sdk(emulator, connect):
    return connect(emulator.address)


def assert_near(sdk, *point):
    there = sdk.done("get_position")
    assert np.linalg.norm(np.array(there[:3]) - point) < NEAR, there


def assert_same(one, other, apart):
    """Hold two poses [mm, rad] to be one; of a tool that looks down, pi and -pi are the same."""
    assert one[:3] == pytest.approx(other[:3], abs=apart)
    turned, also = matrix_of(np.array(one))[:3, :3], matrix_of(np.array(other))[:3, :3]
    assert np.allclose(turned, also, atol=0.01), (one, other)


@pytest.mark.parametrize("firmware", ["2.5.5", "1.11.4"])
def test_everything_that_picking_needs_succeeds(start, connect, firmware):
    sdk = connect(start(firmware=firmware).address)
    assert sdk.version == list(map(int, firmware.split(".")))
    sdk.switch_on()
    sdk.done("set_tcp_offset", [0, 0, 172, 0, 0, 0])
    sdk.done("set_state", 0)
    sdk.done("set_tcp_load", 0.82, [0, 0, 48], wait=True)
    sdk.done("set_gripper_enable", True)
    sdk.done("set_gripper_mode", 0)
    sdk.done("set_gripper_speed", 5000)
    sdk.done("set_gripper_position", 800, wait=True)
    assert sdk.done("get_gripper_position") == pytest.approx(800, abs=10)

    sdk.done("set_position", 350, 50, 250, *DOWN, speed=300, wait=True)
    assert_near(sdk, 350, 50, 250)
    sdk.done("set_position", 350, 50, 150, *DOWN, speed=200, wait=True)
    sdk.done("set_gripper_position", 100, wait=True)
    assert sdk.done("get_gripper_position") == pytest.approx(100, abs=10)
    assert sdk.done("get_gripper_err_code") == 0
    sdk.done("set_position", z=80, relative=True, speed=200, wait=True)
    assert_near(sdk, 350, 50, 230)
    if firmware == "2.5.5":
        sdk.done("set_position", x=380, speed=200, wait=True)
    else:
        # For an older firmware the SDK fills in what was reported last, which may be on the way.
        sdk.done("set_position", 380, 50, 230, *DOWN, speed=200, wait=True)
    assert_near(sdk, 380, 50, 230)
    sdk.done("set_tool_position", z=20, speed=200, wait=True)
    assert_near(sdk, 380, 50, 210)
    joints = sdk.done("get_servo_angle")
    goal = [joints[0] + 0.2, *joints[1:]]
    sdk.done("set_servo_angle", angle=goal, speed=1.0, wait=True)
    assert np.allclose(sdk.done("get_servo_angle"), goal, atol=1e-3)
    sdk.done("set_servo_angle", servo_id=1, angle=-0.2, relative=True, wait=True)
    assert_near(sdk, 380, 50, 210)

    assert sdk.done("get_state") == 2
    assert sdk.done("get_cmdnum") == 0
    assert sdk.done("get_err_warn_code") == [0, 0]
    sdk.call("disconnect")


@pytest.mark.parametrize("firmware", ["2.5.5", "1.11.4"])
def test_limits_are_read_back_as_they_were_set(start, connect, firmware):
    sdk = connect(start(firmware=firmware).address)
    sdk.switch_on()
    boundary = [600, 200, 400, -400, 500, 20]
    ranges = [-3, 3, -2, 2, -3, 3, -0.1, 3.5, -3, 3, -1.6, 3, -3, 3]
    sdk.done("set_reduced_max_tcp_speed", 250)
    sdk.done("set_reduced_max_joint_speed", 1.5)
    sdk.done("set_reduced_tcp_boundary", boundary)
    sdk.done("set_reduced_joint_range", ranges)
    assert sdk.call("set_fence_mode", True) == [0]
    assert sdk.call("set_collision_rebound", True) == [0]
    sdk.done("set_reduced_mode", True)
    sdk.done("set_collision_sensitivity", 2)
    sdk.done("set_teach_sensitivity", 4)
    states = sdk.done("get_reduced_states")
    assert states[0] == 1
    assert states[1] == boundary
    assert states[2:4] == [250.0, 1.5]
    assert np.allclose(states[4], ranges)
    assert states[5:] == [1, 1]
    wait_until(lambda: sdk.look("collision_sensitivity") == 2)
    wait_until(lambda: sdk.look("teach_sensitivity") == 4)


@pytest.mark.parametrize("firmware", ["2.5.5", "1.11.4"])
def test_streaming_modes_move_and_expire(start, connect, firmware):
    sdk = connect(start(firmware=firmware).address)
    sdk.switch_on(5)
    before = sdk.done("get_position")
    # Long enough to be seen on a slow machine: it is the arm's time that counts.
    sdk.done("vc_set_cartesian_velocity", [0, 20, 0, 0, 0, 0], duration=3)
    assert sdk.done("get_state") == 1
    wait_until(lambda: sdk.done("get_state") == 2)
    after = sdk.done("get_position")
    assert after[1] - before[1] == pytest.approx(60, abs=NEAR)
    sdk.switch_on(4)
    joints = sdk.done("get_servo_angle")
    sdk.done("vc_set_joint_velocity", [0.2, 0, 0, 0, 0, 0, 0], duration=0.3)
    wait_until(lambda: sdk.done("get_state") == 2)
    turned = np.array(sdk.done("get_servo_angle")) - joints
    assert 0.02 < turned[0] < 0.08
    sdk.switch_on(1)
    goal = sdk.done("get_servo_angle")
    for _ in range(20):
        goal[0] += 0.005
        sdk.done("set_servo_angle_j", goal)
    wait_until(lambda: sdk.done("get_state") == 2)
    assert np.allclose(sdk.done("get_servo_angle"), goal, atol=1e-3)
    pose = sdk.done("get_position")
    pose[2] += 10
    sdk.done("set_servo_cartesian", pose)
    wait_until(lambda: sdk.done("get_state") == 2)
    assert_near(sdk, *pose[:3])


def test_kinematics_and_limits_agree(sdk):
    joints = sdk.done("get_servo_angle")
    pose = sdk.done("get_forward_kinematics", joints)
    assert_same(pose, sdk.done("get_position"), apart=0.05)
    found = sdk.done("get_inverse_kinematics", pose)
    again = sdk.done("get_forward_kinematics", found)
    assert np.linalg.norm(np.array(again[:3]) - pose[:3]) < NEAR
    assert sdk.done("is_tcp_limit", pose) is False
    assert sdk.done("is_tcp_limit", [2000, 0, 200, *DOWN]) is True
    assert sdk.call("get_inverse_kinematics", [2000, 0, 200, *DOWN])[0] != 0


def test_standard_modbus_is_answered(sdk):
    assert sdk.call("read_holding_registers", 0x20, 2) == [0, [0, 4]]
    assert sdk.call("read_coil_bits", 0, 1)[0] == 129


def test_two_clients_see_the_same_arm(emulator, connect):
    first, second = connect(emulator.address), connect(emulator.address)
    first.switch_on()
    assert second.done("get_state") == 2
    first.start("set_position", 350, 100, 250, *DOWN, speed=100, wait=True)
    wait_until(lambda: second.done("get_state") == 1)
    assert first.answer() == 0
    assert_same(second.done("get_position"), first.done("get_position"), apart=0.2)


@pytest.mark.parametrize("code", [21, 31])
def test_an_error_in_mid_move_is_seen_and_recovered_from(emulator, sdk, code):
    sdk.switch_on()
    sdk.start("set_position", y=150, speed=50, wait=True)
    assert emulator.set("error", code) == ""
    # Whether the SDK sees the state or the error first is a race.
    assert sdk.answer() in (-9, 1)
    assert sdk.done("get_err_warn_code") == [code, 0]
    assert sdk.done("get_state") == 4
    wait_until(lambda: sdk.look("error_code") == code)
    sdk.recover()
    sdk.done("set_position", y=60, speed=200, wait=True)
    assert sdk.done("get_position")[1] == pytest.approx(60, abs=NEAR)


def test_the_safety_boundary_stops_the_arm(sdk):
    sdk.switch_on()
    sdk.done("set_reduced_tcp_boundary", [600, 200, 100, -100, 600, 100])
    assert sdk.call("set_fence_mode", True) == [0]
    # So slow that it is on its way for two seconds: the answer to the order itself comes before.
    assert sdk.call("set_position", y=200, speed=50, wait=True) in (-9, 1)
    assert sdk.done("get_err_warn_code") == [35, 0]
    sdk.recover()
    sdk.switch_on(5)
    sdk.done("vc_set_cartesian_velocity", [0, 100, 0, 0, 0, 0], duration=10)
    wait_until(lambda: sdk.done("get_err_warn_code") == [35, 0])
    assert abs(sdk.done("get_position")[1]) < 110


def test_the_emergency_stop_stays_until_it_is_released(emulator, sdk):
    sdk.switch_on()
    sdk.start("set_position", y=150, speed=50, wait=True)
    emulator.set("emergency_stop", True)
    assert sdk.answer() in (-9, 1)
    sdk.call("clean_error")
    assert sdk.done("get_err_warn_code") == [1, 0]
    assert sdk.call("motion_enable", True) != 0
    emulator.set("emergency_stop", False)
    assert sdk.done("get_err_warn_code") == [1, 0]
    sdk.recover()
    sdk.done("set_position", y=60, speed=200, wait=True)


def test_motors_can_refuse(emulator, sdk):
    emulator.set("refuse_enable", True)
    assert sdk.call("motion_enable", True) != 0
    emulator.set("refuse_enable", False)
    sdk.switch_on()


def test_a_dropped_control_connection_is_noticed_and_made_again(emulator, sdk):
    sdk.switch_on()
    emulator.set("drop_control", True)
    wait_until(lambda: sdk.look("connected") is False)
    wait_until(lambda: {"connected": False, "reported": False} in sdk.look("connections"))
    assert sdk.call("get_state")[0] != 0
    sdk.call("connect")
    assert sdk.done("get_state") == 2
    # Set to true again, it is done again.
    emulator.set("drop_control", True)
    wait_until(lambda: sdk.look("connected") is False)


def test_dropped_reports_come_back_by_themselves(emulator, sdk):
    sdk.switch_on()
    emulator.set("drop_reports", True)
    wait_until(lambda: {"connected": True, "reported": False} in sdk.look("connections"))
    wait_until(lambda: sdk.look("connections")[-1] == {"connected": True, "reported": True})


def test_stalled_reports_are_noticed_while_control_goes_on(emulator, sdk):
    sdk.switch_on()
    emulator.set("stall_reports", True)
    wait_until(lambda: {"connected": True, "reported": False} in sdk.look("connections"))
    assert sdk.done("get_state") == 2
    emulator.set("stall_reports", False)
    wait_until(lambda: sdk.look("connections")[-1] == {"connected": True, "reported": True})
    sdk.done("set_position", y=60, speed=200, wait=True)


def test_a_stalled_or_late_answer_is_a_timeout_and_then_all_is_well(emulator, sdk):
    for fault, value, healthy in (("stall_control", True, False), ("answer_delay", 3.0, 0.0)):
        emulator.set(fault, value)
        assert sdk.call("get_state")[0] == 3
        emulator.set(fault, healthy)
        wait_until(lambda: sdk.call("get_state")[0] == 0)


def test_a_spoilt_answer_is_refused_by_the_sdk(emulator, sdk):
    emulator.set("corrupt_frames", 1)
    assert sdk.call("get_state")[0] == 7
    assert sdk.done("get_state") == 4


def test_a_fault_that_makes_no_sense_is_refused(emulator):
    assert emulator.set("answer_delay", -1.0) != ""
    assert emulator.set("error", 256) != ""
    assert emulator.set("answer_delay", 0.0) == ""


def test_nodes_come_and_go_in_one_process_and_leave_nothing_behind():
    def live_and_die():
        node = XarmEmulator()
        viewer = rclpy.create_node("viewer", namespace=node.get_namespace())
        pictures = []
        viewer.create_subscription(Image, names.SCENE_IMAGE, pictures.append, qos.SENSOR)
        executor = SingleThreadedExecutor()
        for each in (node, viewer):
            executor.add_node(each)
        deadline = time.monotonic() + PATIENCE
        while not pictures and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()
        viewer.destroy_node()
        node.destroy_node()
        assert pictures

    def held():
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    number = next(numbers)
    initialize(
        ["--ros-args", "-r", f"__ns:=/emulated_{number}", "-p", f"address:={free_address()}"],
    )
    try:
        for _ in range(2):
            live_and_die()
        before = held()
        for _ in range(5):
            live_and_die()
        # A participant of the middleware may take a moment to be gone.
        wait_until(lambda: held() == before)
    finally:
        rclpy.try_shutdown()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"firmware": "banana"}, "valid: X.Y.Z"),
        ({"task": "juggle"}, "close-drawer-left"),
        ({"address": "203.0.113.7"}, "203.0.113.7:502"),
        ({"adress": "127.0.1.99"}, "adress"),
    ],
)
def test_a_bad_parameter_ends_it_in_one_sentence(parameters, words):
    assert_refused({"address": free_address(), **parameters}, words)


def test_an_address_in_use_ends_it_in_one_sentence(emulator):
    assert_refused({"address": emulator.address}, f"{emulator.address}:502 already; valid")


def assert_refused(parameters, words):
    process = NodeProcess(
        executable(*EMULATOR), parameters=parameters, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.wait(PATIENCE) == 1
        complaint = process.errors.read()
    assert complaint.count("\n") == 1
    assert complaint.startswith("error: ")
    assert words in complaint


class TestScene:
    def test_it_is_prepared_told_and_shown(self, emulator, sdk):
        node = emulator.node
        states, pictures = [], []
        namespace = emulator.setting.srv_name.rsplit("/", 2)[0]
        node.create_subscription(
            SceneState, f"{namespace}/{names.SCENE_STATE}", states.append, qos.SENSOR
        )
        node.create_subscription(
            Image, f"{namespace}/{names.SCENE_IMAGE}", pictures.append, qos.SENSOR
        )
        wait_until(lambda: states and pictures, node)
        assert states[-1].task == "reach"
        before = image_array(pictures[-1]).copy()
        assert before.shape == (240, 320, 3)
        prepare = node.create_client(PrepareScene, f"{namespace}/{names.SCENE_PREPARE}")
        request = PrepareScene.Request(task="close-drawer-left", seed=7)
        answer = emulator.ask(prepare, request)
        assert (answer.code, answer.message) == (PrepareScene.Response.SUCCESS, "")
        wait_until(lambda: states[-1].task == "close-drawer-left", node)
        assert not states[-1].success
        assert len(states[-1].things) == 6
        assert states[-1].measures[0] == pytest.approx(0.13, abs=0.01)
        # The picture follows the new table.
        wait_until(lambda: (image_array(pictures[-1]) != before).mean() > 0.01, node)

        answer = emulator.ask(prepare, PrepareScene.Request(task="juggle"))
        assert answer.code == PrepareScene.Response.UNKNOWN_TASK
        assert "close-drawer-left" in answer.message
        sdk.switch_on(4)
        sdk.done("vc_set_joint_velocity", [0.05, 0, 0, 0, 0, 0, 0])
        answer = emulator.ask(prepare, PrepareScene.Request(task="reach"))
        assert answer.code == PrepareScene.Response.BUSY
