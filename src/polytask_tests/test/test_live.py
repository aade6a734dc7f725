"""`live` and real viewers: what it shows, to whom, and that it takes nothing from them."""

import contextlib
import itertools
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, String

from polytask_msgs.msg import LearningStatus
from polytask_ros import names, qos
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_tests.viewer import Viewer
from polytask_xarm_driver.ros.live_topic import LiveTopic
from polytask_xarm_driver.viewing import foxglove_server
from polytask_xarm_driver.viewing.audience import Audience

PATIENCE = 30.0
STATUS = f"/{names.LEARNER_STATUS}"
PICTURES = f"/{names.CAMERA_IMAGE}"
TOOL = f"/{names.TOOL_POSE}"
# What every node has, and no topic of the robot's.
EVERY_NODE = {"/parameter_events", "/rosout"}
numbers = itertools.count()

needs_sdk = pytest.mark.skipif(
    find_spec("foxglove") is None,
    reason="foxglove-sdk is not installed; requirements/live.txt names it",
)


class Robot(Node):
    """Publishes what is to be shown, and sees who listens."""

    def __init__(self, namespace):
        context = Context()
        initialize(context=context)
        super().__init__(
            "robot", namespace=namespace, context=context, start_parameter_services=False
        )
        self.statuses = self.create_publisher(LearningStatus, names.LEARNER_STATUS, qos.LATCHED)
        self.pictures = self.create_publisher(Image, names.CAMERA_IMAGE, qos.SENSOR)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self)

    def destroy_node(self):
        self._executor.shutdown()
        super().destroy_node()
        self.context.shutdown()

    def until(self, done, *viewers):
        """Wait for something; meanwhile `viewers` hear what is said to them."""
        end = time.monotonic() + PATIENCE
        while not (answer := done()):
            assert time.monotonic() < end, "waited in vain"
            self._executor.spin_once(timeout_sec=0.05)
            for viewer in viewers:
                viewer.listen(0.01)
        return answer


@pytest.fixture
def namespace():
    return f"/watched_{next(numbers)}"


@pytest.fixture
def robot(namespace):
    node = Robot(namespace)
    yield node
    node.destroy_node()


@pytest.fixture
def start(namespace):
    """Start `live`, by default at a port that is free, and end it with the test."""
    with contextlib.ExitStack() as stack:

        def start(**parameters):
            return stack.enter_context(
                NodeProcess(
                    executable("polytask_xarm_driver", "live"),
                    parameters={"port": free_port(), **parameters},
                    namespace=namespace,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

        yield start


@pytest.fixture
def live(start):
    """Return the port at which `live` serves."""
    port = free_port()
    start(port=port)
    return port


@pytest.fixture
def connect():
    """Connect viewers, waiting until somebody listens."""
    with contextlib.ExitStack() as stack:

        def connect(port, address="127.0.0.1"):
            end = time.monotonic() + PATIENCE
            while True:
                try:
                    return stack.enter_context(Viewer(port, address))
                except ConnectionRefusedError:
                    assert time.monotonic() < end, "nobody listens"
                    time.sleep(0.05)

        yield connect


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def report(step):
    status = LearningStatus(
        run="runs/reach", task="reach", phase=LearningStatus.LEARNING, step=step
    )
    status.success, status.success_low, status.success_high = 0.75, 0.5, 0.9
    status.metric_names, status.metric_values = ["loss"], [0.125]
    status.header.stamp.sec = 7
    return status


def said_by(process, words):
    """Return the lines that a process complains of, up to the one with `words` in it."""
    lines = []
    for line in process.errors:
        lines.append(line)
        if words in line:
            return "".join(lines)
    pytest.fail(f"{words!r} was not said, but {lines}")


# What is shown


@needs_sdk
def test_a_status_arrives_as_it_was_published(robot, live, connect):
    robot.statuses.publish(report(41))
    viewer = connect(live)
    viewer.look_at(STATUS)
    viewer.until(lambda: viewer.of(STATUS))
    (shown,) = viewer.of(STATUS)
    assert deserialize_message(shown.data, LearningStatus) == report(41)
    # Since the epoch; the clock may be set, but not by a day.
    assert abs(shown.stamp - time.time_ns()) < 86400 * 10**9
    robot.statuses.publish(report(42))
    viewer.until(lambda: len(viewer.of(STATUS)) == 2)
    assert deserialize_message(viewer.shown[-1].data, LearningStatus).step == 42


@needs_sdk
def test_a_channel_says_what_its_messages_are_made_of(robot, live, connect):
    robot.statuses.publish(report(3))
    viewer = connect(live)
    viewer.look_at(STATUS)
    channel = viewer.channels[STATUS]
    assert (channel["encoding"], channel["schemaEncoding"]) == ("cdr", "ros2msg")
    assert channel["schemaName"] == "polytask_msgs/msg/LearningStatus"
    # A program that does not have the message can read it by that alone.
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(channel["schema"], channel["schemaName"]))
    shown = viewer.until(lambda: viewer.of(STATUS))[0]
    read = store.deserialize_cdr(shown.data, channel["schemaName"])
    assert (read.task, read.step, read.header.stamp.sec) == ("reach", 3, 7)


@needs_sdk
def test_who_comes_late_sees_what_was_said_once(robot, live, connect):
    robot.statuses.publish(report(5))
    first, second = connect(live), connect(live)
    for viewer in (first, second):
        viewer.look_at(STATUS)
        viewer.until(lambda viewer=viewer: viewer.of(STATUS))
        assert deserialize_message(viewer.shown[-1].data, LearningStatus) == report(5)


@needs_sdk
def test_a_topic_is_offered_when_it_comes_to_be(robot, live, connect):
    viewer = connect(live)
    viewer.until(lambda: {STATUS, PICTURES} <= set(viewer.channels))
    assert TOOL not in viewer.channels
    poses = robot.create_publisher(PoseStamped, names.TOOL_POSE, qos.SENSOR)
    viewer.look_at(TOOL)
    robot.until(poses.get_subscription_count, viewer)
    robot.until(lambda: poses.publish(PoseStamped()) or viewer.of(TOOL), viewer)


@needs_sdk
def test_pictures_are_asked_for_only_while_somebody_looks(robot, live, connect):
    viewer = connect(live)
    viewer.until(lambda: PICTURES in viewer.channels)
    assert robot.pictures.get_subscription_count() == 0
    viewer.look_at(PICTURES)
    robot.until(robot.pictures.get_subscription_count, viewer)
    picture = Image(height=2, width=2, encoding="rgb8", step=6, data=bytes(range(12)))
    show = partial(robot.pictures.publish, picture)
    shown = robot.until(lambda: show() or viewer.of(PICTURES), viewer)[0]
    assert deserialize_message(shown.data, Image) == picture
    other = connect(live)
    other.look_at(PICTURES)
    viewer.look_away(PICTURES)
    # The other one sees them still, and then goes without a word.
    robot.until(lambda: show() or other.of(PICTURES), other)
    other.close()
    robot.until(lambda: robot.pictures.get_subscription_count() == 0)


@pytest.mark.parametrize(
    ("topic", "depth", "reliability"),
    [
        (names.CAMERA_IMAGE, 1, ReliabilityPolicy.BEST_EFFORT),
        (names.LEARNER_STATUS, 10, ReliabilityPolicy.RELIABLE),
    ],
)
def test_only_the_newest_is_kept_of_what_may_be_lost(robot, topic, depth, reliability):
    full = robot.resolve_topic_name(topic)
    (publisher,) = robot.until(lambda: robot.get_publishers_info_by_topic(full))
    live = LiveTopic(robot, full, publisher.topic_type, lambda *_: None)
    live.follow(wanted=True)
    (profile,) = [one.qos_profile for one in robot.subscriptions if one.topic_name == full]
    assert (profile.depth, profile.reliability) == (depth, reliability)
    live.follow(wanted=False)
    assert [one for one in robot.subscriptions if one.topic_name == full] == []


@needs_sdk
def test_a_publisher_that_comes_back_otherwise_is_heard(robot, start, connect):
    port = free_port()
    start(port=port, topics=["chatter"])
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    before = robot.create_publisher(String, "chatter", qos.LATCHED)
    viewer = connect(port)
    viewer.look_at("/chatter")
    robot.until(before.get_subscription_count, viewer)
    robot.destroy_publisher(before)
    after = robot.create_publisher(String, "chatter", best_effort)
    robot.until(after.get_subscription_count, viewer)
    anew = String(data="anew")
    shown = robot.until(lambda: after.publish(anew) or viewer.of("/chatter"), viewer)[-1]
    assert deserialize_message(shown.data, String).data == "anew"


@needs_sdk
def test_a_topic_of_two_types_is_told_and_not_shown_until_there_is_one(
    robot, start, connect, namespace
):
    port = free_port()
    double = "/double"
    first = robot.create_publisher(Bool, "double", qos.LATCHED)
    first.publish(Bool(data=True))
    process = start(port=port, topics=["double", names.LEARNER_STATUS])
    viewer = connect(port)
    viewer.look_at(double)
    robot.until(lambda: viewer.of(double), viewer)
    # One process cannot publish a topic as two types, two can.
    context = Context()
    initialize(context=context)
    other = Node("other", namespace=namespace, context=context, start_parameter_services=False)
    second = other.create_publisher(String, "double", qos.LATCHED)
    said = said_by(process, "cannot be shown")
    assert "is published as std_msgs/msg/Bool and as std_msgs/msg/String" in said
    viewer.until(lambda: set(viewer.channels) == {STATUS})
    # When one of the two is gone, the other is shown.
    robot.destroy_publisher(first)
    second.publish(String(data="alone"))
    viewer.until(lambda: double in viewer.channels)
    assert viewer.channels[double]["schemaName"] == "std_msgs/msg/String"
    viewer.shown.clear()
    viewer.look_at(double)
    robot.until(lambda: viewer.of(double), viewer)
    assert deserialize_message(viewer.of(double)[-1].data, String).data == "alone"
    other.destroy_node()
    context.shutdown()


# That it takes nothing


@needs_sdk
def test_a_viewer_can_look_and_nothing_else(robot, live, connect):
    robot.statuses.publish(report(1))
    viewer = connect(live)
    # The two topics may be found at one look at the graph each.
    viewer.until(lambda: {STATUS, PICTURES} <= set(viewer.channels))
    (info,) = [said for said in viewer.said if said["op"] == "serverInfo"]
    assert info["capabilities"] == []
    halt = f"/{names.HALT}"
    for words in (
        {"op": "advertise", "channels": [client_channel(halt), client_channel(STATUS)]},
        {"op": "setParameters", "parameters": [{"name": "port", "value": 1}]},
        {"op": "subscribeConnectionGraph"},
    ):
        viewer.say(**words)
    viewer.send_message(9, b"\x00\x01\x00\x00\x05\x00\x00\x00stop\x00")
    # It goes on showing.
    viewer.look_at(STATUS)
    viewer.until(lambda: viewer.of(STATUS))
    node = f"{robot.get_namespace()}/live"
    own = robot.get_publisher_names_and_types_by_node("live", robot.get_namespace())
    assert {name for name, _ in own} <= EVERY_NODE, node
    assert robot.count_publishers(halt.lstrip("/")) == 0
    assert set(viewer.channels) == {STATUS, PICTURES}
    assert {said["op"] for said in viewer.said} <= {"serverInfo", "advertise", "status"}


def client_channel(topic):
    return {"id": 9, "topic": topic, "encoding": "cdr", "schemaName": "std_msgs/msg/String"}


@needs_sdk
def test_nonsense_ends_nothing(robot, live, connect):
    for nonsense in (b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", wait_for(live, connect))) as stranger:
            stranger.sendall(nonsense)
    robot.statuses.publish(report(2))
    viewer = connect(live)
    viewer.say(op="subscribe", subscriptions=[{"id": 1, "channelId": 12345}])
    viewer.say(op="unsubscribe", subscriptionIds=[77])
    viewer.say(op="fly")
    viewer.look_at(STATUS)
    viewer.until(lambda: viewer.of(STATUS))


def wait_for(port, connect):
    """Return the port when somebody listens there."""
    connect(port).close()
    return port


# Who may look


@needs_sdk
def test_nobody_elsewhere_sees_anything_unless_it_is_asked_for(live, connect):
    connect(live)
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ends = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    assert f"0100007F:{live:04X}" in ends
    assert f"00000000:{live:04X}" not in ends


@needs_sdk
def test_another_address_is_said_loudly(start):
    process = start(address="0.0.0.0", port=0)  # noqa: S104  # the point of the test
    said = said_by(process, "EVERYBODY")
    assert "EVERYBODY who reaches this machine at 0.0.0.0 sees" in said
    assert "no password" in said


@needs_sdk
def test_the_own_address_is_said_and_no_more(start, connect):
    process = start()
    said = said_by(process, "viewers connect to")
    port = int(said.split("ws://127.0.0.1:")[1].split()[0])
    connect(port)
    process.signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert "EVERYBODY" not in process.errors.read()


@pytest.mark.parametrize("address", ["localhost", "robot", "256.0.0.1", "127.0.0.1:8765"])
def test_an_address_that_is_none_is_refused(start, address):
    process = start(address=address)
    assert process.wait(PATIENCE) == 1
    said = process.errors.read()
    assert said.startswith(f"error: address is {address!r}; valid: a number such as 127.0.0.1, ")
    assert said.count("\n") == 1


@needs_sdk
def test_an_address_of_another_machine_is_refused(start):
    # Set aside for documents: it is nobody's.
    process = start(address="192.0.2.1")
    assert process.wait(PATIENCE) == 1
    said = process.errors.read()
    assert "error: cannot serve at 192.0.2.1, port " in said


@needs_sdk
def test_a_port_that_is_taken_is_refused(start):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = start(port=port)
        assert process.wait(PATIENCE) == 1
        assert f"error: cannot serve at 127.0.0.1, port {port}: " in process.errors.read()


@pytest.mark.parametrize(
    ("topics", "fault"),
    [(["7 up"], "topics names '7 up', which is no topic"), ([""], "topics names '', which is")],
)
def test_a_name_that_is_no_topic_is_refused(start, topics, fault):
    process = start(topics=topics)
    assert process.wait(PATIENCE) == 1
    assert fault in process.errors.read()


# How it ends


@needs_sdk
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_while_viewers_look(robot, start, connect, number):
    port = free_port()
    process = start(port=port)
    robot.statuses.publish(report(1))
    viewer = connect(port)
    viewer.look_at(STATUS)
    viewer.until(lambda: viewer.of(STATUS))
    process.signal(number)
    assert process.wait(PATIENCE) == 0
    with pytest.raises(OSError, match=r"ended|gone|reset"):
        viewer.until(lambda: False)
    assert "Traceback" not in process.errors.read()


@needs_sdk
def test_one_that_hangs_does_not_hold_up_the_robot(robot, start, connect):
    """A robot's publisher to a bridge that is stopped goes on at its own pace."""
    port = free_port()
    process = start(port=port)
    viewer = connect(port)
    viewer.look_at(PICTURES)
    robot.until(robot.pictures.get_subscription_count, viewer)
    process.signal(signal.SIGSTOP)
    picture = Image(height=240, width=320, encoding="rgb8", step=960, data=bytes(230400))
    begun = time.monotonic()
    for _ in range(100):
        robot.pictures.publish(picture)
    assert time.monotonic() - begun < PATIENCE
    process.signal(signal.SIGCONT)
    robot.until(lambda: robot.pictures.publish(picture) or seen(viewer))


def seen(viewer):
    viewer.listen(0.05)
    return viewer.of(PICTURES)


def test_the_sdk_is_asked_for_in_one_sentence_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "foxglove", None)
    sentence = "foxglove-sdk is not installed; pip install foxglove-sdk=="
    with pytest.raises(foxglove_server.FoxgloveMissing, match=sentence) as found:
        foxglove_server.FoxgloveServer("127.0.0.1", 0, 32, Audience(lambda: None))
    pins = Path(__file__).parents[3] / "requirements" / "live.txt"
    assert f"\n{str(found.value).split()[-1]}\n" in pins.read_text(encoding="utf-8")


# Who looks at what


class Named(NamedTuple):
    id: int = 0
    topic: str = ""


def test_a_channel_is_looked_at_until_the_last_one_goes():
    woken = []
    audience = Audience(lambda: woken.append(1))
    one, other, channel = Named(id=1), Named(id=2), Named(topic="/a")
    assert not audience.looks_at("/a")
    audience.on_subscribe(one, channel)
    audience.on_subscribe(other, channel)
    assert audience.take_newcomers() == {"/a"}
    assert audience.take_newcomers() == set()
    audience.on_unsubscribe(one, channel)
    assert audience.looks_at("/a")
    # Twice: a client may end its subscription and then be gone.
    audience.on_unsubscribe(one, channel)
    assert audience.looks_at("/a")
    audience.on_unsubscribe(other, channel)
    assert not audience.looks_at("/a")
    assert len(woken) == 5
