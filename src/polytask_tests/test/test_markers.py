"""The markers around a robot: what they show and in which frame, their numbers, their end."""

import contextlib
import signal
from functools import partial

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from visualization_msgs.msg import Marker, MarkerArray

from polytask_ros import names, qos
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize
from polytask_sim.xarm import reach
from polytask_tests.robot_under_test import REAL_ADDRESS, UNHURRIED, RobotUnderTest
from polytask_xarm_driver.robot.robot_task import find_tasks, read_tasks
from polytask_xarm_driver.ros.markers import LIFETIME, LONGEST_WAY, Markers

FRAME = "link_base"
PATIENCE = 30.0
ROBOT_TASKS = read_tasks(find_tasks("xarm7_table")).tasks
# Hears all that is shown, for what the next array may overwrite before it was read.
EVERY_ARRAY = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def place(point):
    return np.array([point.x, point.y, point.z])


def by_name(array):
    """Return the markers of an array that are to be seen."""
    return {(m.ns, m.id): m for m in array.markers if m.action == Marker.ADD}


def deleted(array):
    return {(m.ns, m.id) for m in array.markers if m.action == Marker.DELETE}


def extent(marker):
    """Return the lowest and the highest corner of a marker of lines or of a cube."""
    if marker.type == Marker.CUBE:
        half = place(marker.scale) / 2
        return place(marker.pose.position) - half, place(marker.pose.position) + half
    points = np.array([place(point) for point in marker.points])
    return points.min(axis=0), points.max(axis=0)


# What is drawn


@pytest.fixture
def drawn():
    """Return markers and what a viewer gets of them."""
    context = Context()
    initialize(context=context)
    node = rclpy.create_node("drawn", context=context, start_parameter_services=False)
    arrays = []
    markers = Markers(node, ROBOT_TASKS)
    markers._publisher.publish = arrays.append
    yield markers, arrays
    node.destroy_node()
    context.shutdown()


@pytest.mark.parametrize("task", ROBOT_TASKS)
def test_boxes_are_those_of_the_task_in_the_frame_that_was_told(drawn, task):
    markers, arrays = drawn
    markers.show(FRAME, task, 3)
    shown = by_name(arrays[-1])
    assert set(shown) == {(ns, 0) for ns in ("workspace", "box", "start", "caption")}
    for name, box in (("box", ROBOT_TASKS[task].box), ("start", ROBOT_TASKS[task].start)):
        low, high = extent(shown[name, 0])
        assert np.allclose(low, box.low)
        assert np.allclose(high, box.high)
    assert shown["caption", 0].text == f"{task}, step 3 of {ROBOT_TASKS[task].steps}"
    low, high = extent(shown["workspace", 0])
    boxes = [one.box for one in ROBOT_TASKS.values()]
    assert np.allclose(low, np.min([box.low for box in boxes], axis=0))
    assert np.allclose(high, np.max([box.high for box in boxes], axis=0))
    for marker in shown.values():
        assert marker.header.frame_id == FRAME
        assert marker.lifetime.sec == LIFETIME
        assert marker.pose.orientation.w == 1.0
        assert 0 < marker.color.a <= 1
        assert max(marker.scale.x, marker.scale.y, marker.scale.z) > 0


def test_a_box_has_twelve_edges_and_each_is_along_an_axis(drawn):
    markers, arrays = drawn
    markers.show(FRAME, "reach")
    points = [place(point) for point in by_name(arrays[-1])["box", 0].points]
    edges = list(zip(points[::2], points[1::2], strict=True))
    assert len(edges) == 12
    assert all(np.count_nonzero(one != other) == 1 for one, other in edges)
    assert len({(*np.minimum(a, b), *np.maximum(a, b)) for a, b in edges}) == 12


def test_numbers_stay_and_what_is_gone_is_deleted_once(drawn):
    markers, arrays = drawn
    things = [np.array([0.1 * n, 0.0, 0.0]) for n in range(3)]
    markers.show(FRAME, "reach", None, things)
    before = by_name(arrays[-1])
    assert deleted(arrays[-1]) == set()
    markers.show(FRAME, "reach", None, things[:1])
    assert deleted(arrays[-1]) == {("things", 1), ("things", 2)}
    assert set(by_name(arrays[-1])) == set(before) - deleted(arrays[-1])
    markers.show(FRAME, "pour-left", None, things)
    assert deleted(arrays[-1]) == set()
    assert set(by_name(arrays[-1])) == set(before)
    assert np.allclose(place(by_name(arrays[-1])["things", 2].pose.position), things[2])


def test_before_any_task_only_the_workspace_is_shown(drawn):
    markers, arrays = drawn
    markers.show(FRAME, "")
    assert set(by_name(arrays[-1])) == {("workspace", 0)}


def test_at_the_end_everything_that_was_shown_is_deleted(drawn):
    markers, arrays = drawn
    markers.clear()
    assert arrays == []
    markers.show(FRAME, "reach", None, [np.zeros(3)])
    shown = set(by_name(arrays[-1]))
    markers.clear()
    assert deleted(arrays[-1]) == shown
    assert by_name(arrays[-1]) == {}
    assert {marker.header.frame_id for marker in arrays[-1].markers} == {FRAME}


def test_the_way_is_where_the_tool_was_and_begins_anew(drawn):
    markers, arrays = drawn
    markers.extend_way(np.zeros(3))
    markers.show(FRAME, "reach")
    # A line of one point would be none.
    assert ("way", 0) not in by_name(arrays[-1])
    # Neither does a tool that stands still make a line longer.
    for x in (0.0, 0.0001, 0.01, 0.0101, 0.02):
        markers.extend_way(np.array([x, 0.0, 0.0]))
    markers.show(FRAME, "reach")
    way = by_name(arrays[-1])["way", 0]
    assert way.type == Marker.LINE_STRIP
    assert [point.x for point in way.points] == [0.0, 0.01, 0.02]
    markers.begin_way()
    markers.show(FRAME, "reach")
    assert deleted(arrays[-1]) == {("way", 0)}


def test_a_long_way_keeps_its_newest_points(drawn):
    markers, arrays = drawn
    for number in range(LONGEST_WAY + 7):
        markers.extend_way(np.array([0.01 * number, 0.0, 0.0]))
    markers.show(FRAME, "reach")
    points = by_name(arrays[-1])["way", 0].points
    assert len(points) == LONGEST_WAY
    assert points[-1].x == pytest.approx(0.01 * (LONGEST_WAY + 6))


# What a robot shows


@pytest.fixture(scope="module")
def robot():
    settings = {"control_period": 0.4, "reset.speed": 0.2, "hold_periods": 50}
    # Nothing here is about what becomes of an episode while its processes are not let run.
    longest = {"limits.arm_age": 5.0, "limits.scene_age": 5.0}
    environment = {**UNHURRIED["environment"], **settings, **longest}
    parameters = {"arm": UNHURRIED["arm"], "environment": environment}
    with RobotUnderTest("/marked", parameters=parameters) as robot:
        yield robot


@pytest.fixture
def arrays(robot):
    """Return what a viewer hears that comes late."""
    heard = []
    subscription = robot.node.create_subscription(
        MarkerArray, names.MARKERS, heard.append, qos.LATCHED
    )
    yield heard
    robot.node.destroy_subscription(subscription)


@pytest.fixture
def every_array(robot):
    """Return all arrays from now on, in their order."""
    heard = []
    subscription = robot.node.create_subscription(
        MarkerArray, names.MARKERS, heard.append, EVERY_ARRAY
    )
    yield heard
    robot.node.destroy_subscription(subscription)


def first_of_episode(robot, every_array, task):
    """Return the markers with which an episode of `task` began, as soon as they are heard."""
    caption = f"{task}, step 0 of {ROBOT_TASKS[task].steps}"

    def found():
        shown = map(by_name, every_array)
        return [one for one in shown if ("caption", 0) in one and one["caption", 0].text == caption]

    return robot.until(found)[0]


def newest(robot, arrays, *wanted):
    """Return the next markers, as soon as they have all those that are `wanted`."""
    arrays.clear()
    robot.until(lambda: arrays and set(wanted) <= set(by_name(arrays[-1])))
    return by_name(arrays[-1])


def shows_box(markers, box):
    low, high = extent(markers["box", 0])
    return np.allclose(low, box.low) and np.allclose(high, box.high)


def test_an_episode_is_shown_in_the_frame_of_the_arms_poses(robot, arrays, every_array):
    task = ROBOT_TASKS["reach"]
    with contextlib.closing(
        RosEnvironment("reach", namespace=robot.namespace, timeout=PATIENCE)
    ) as environment:
        environment.reset(3)
        shown = first_of_episode(robot, every_array, "reach")
        assert shows_box(shown, task.box)
        robot.until(lambda: robot.poses)
        (frame,) = {pose.header.frame_id for _, pose in robot.poses}
        assert {marker.header.frame_id for marker in shown.values()} == {frame} == {FRAME}
        assert shown["caption", 0].text == "reach, step 0 of 40"
        if not REAL_ADDRESS:
            ball = newest(robot, arrays, ("things", 0))["things", 0]
            assert np.allclose(place(ball.pose.position), reach.GOAL, atol=0.001)
        for _ in range(8):
            environment.step(np.array([0.0, 0.0, 1.0, 0.0], np.float32))
        way = newest(robot, arrays, ("way", 0))["way", 0]
        points = np.array([place(point) for point in way.points])
        # Up it went, and within the box, by as little as the arm misses its target.
        assert points[-1][2] - points[0][2] > 0.01
        assert np.all(points > np.array(task.box.low) - 0.01)
        assert np.all(points < np.array(task.box.high) + 0.01)
        robot.poses.clear()
        tool = place(robot.until(lambda: robot.poses)[-1][1].pose.position)
        robot.until(lambda: near_end(arrays[-1], tool))


def near_end(array, tool):
    way = by_name(array)["way", 0]
    return np.linalg.norm(place(way.points[-1]) - tool) < 0.02


def ways(arrays, task):
    """Return the ways that were shown in an episode of `task`."""
    shown = map(by_name, arrays)
    return [
        one["way", 0]
        for one in shown
        if ("way", 0) in one and one["caption", 0].text.startswith(f"{task}, ")
    ]


def test_another_task_is_another_box_and_a_new_way(robot, every_array):
    for name in ("reach", "close-drawer-left"):
        with contextlib.closing(
            RosEnvironment(name, namespace=robot.namespace, timeout=PATIENCE)
        ) as environment:
            environment.reset(5)
            start = first_of_episode(robot, every_array, name)
            assert shows_box(start, ROBOT_TASKS[name].box)
            for _ in range(4):
                environment.step(np.array([0.0, 0.0, 1.0, 0.0], np.float32))
            # It begins at the start: no point of it is from before.
            begin = place(robot.until(partial(ways, every_array, name))[-1].points[0])
            low, high = (np.array(corner) for corner in ROBOT_TASKS[name].start)
            assert np.all(begin > low - 0.02)
            assert np.all(begin < high + 0.02)


def test_the_end_of_the_environment_takes_its_markers_away(robot, arrays):
    shown = newest(robot, arrays, ("workspace", 0))
    process = robot.processes["environment"]
    process.signal(signal.SIGINT)
    robot.until(lambda: by_name(arrays[-1]) == {})
    assert deleted(arrays[-1]) >= {key for key in shown if key[0] != "things"}
    assert process.wait(PATIENCE) == 0
    arrays.clear()
    robot.start("environment")
    # Nobody has asked for a task yet.
    assert set(newest(robot, arrays, ("workspace", 0))) <= {
        ("workspace", 0),
        *(("things", number) for number in range(4)),
    }
