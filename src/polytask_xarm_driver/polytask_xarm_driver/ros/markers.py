"""What a person wants to see around the robot: where it may go, what the task is about, its way."""

import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from geometry_msgs.msg import Point, Vector3
from rclpy.node import Node
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from polytask_contract.table import Box
from polytask_ros import names, qos
from polytask_ros.runtime import let_arrive
from polytask_xarm_driver.arm.rotation import Vector
from polytask_xarm_driver.robot.robot_task import RobotTask

# So long [s] viewers keep a marker of which nothing is heard: its node may have been killed.
LIFETIME = 2
# Points of the tool's way: so far apart [m], and no more of them than that.
STRIDE, LONGEST_WAY = 0.002, 500
# Widths of lines, the radius of a thing, the height of letters, and the least that is seen [m].
LINE, WAY_LINE, THING, LETTERS, THINNEST = 0.002, 0.004, 0.012, 0.025, 0.001

GREY, GREEN, BLUE = (0.6, 0.6, 0.6, 0.6), (0.2, 0.8, 0.3, 1.0), (0.2, 0.5, 1.0, 0.15)
ORANGE, YELLOW, WHITE = (1.0, 0.5, 0.1, 0.9), (1.0, 0.85, 0.1, 1.0), (1.0, 1.0, 1.0, 1.0)
Colour = tuple[float, float, float, float]


class Markers:
    """Publishes markers on robot/markers, all in metres in the frame that `show` is told.

    Each array is complete, so the newest is all that a viewer needs. A marker keeps its namespace
    and number for as long as the node lives:

        workspace 0   the box around the boxes of all tasks
        box 0         where the tool stays in the task
        start 0       where it may be when an episode begins
        things 0…     the things that are seen; what is to be reached is among them
        way 0         where the tool has been in the episode
        caption 0     the task, in words
    """

    def __init__(self, node: Node, tasks: Mapping[str, RobotTask]) -> None:
        """Offer the markers of `tasks` on a topic of `node`; nothing is shown yet."""
        self._clock = node.get_clock()
        self._publisher = node.create_publisher(MarkerArray, names.MARKERS, qos.LATCHED)
        self._tasks = tasks
        self._workspace = _lines("workspace", _around([task.box for task in tasks.values()]), GREY)
        self._way: deque[Point] = deque(maxlen=LONGEST_WAY)
        self._frame = ""
        self._shown: set[tuple[str, int]] = set()

    def begin_way(self) -> None:
        """Forget where the tool has been: an episode begins."""
        self._way.clear()

    def extend_way(self, place: Vector) -> None:
        """Add a place of the tool (3,) [m], if it is away from the one before."""
        x, y, z = place.tolist()
        last = self._way[-1] if self._way else None
        if last is None or max(abs(last.x - x), abs(last.y - y), abs(last.z - z)) >= STRIDE:
            self._way.append(Point(x=x, y=y, z=z))

    def show(
        self, frame: str, task: str, step: int | None = None, things: Sequence[Vector] = ()
    ) -> None:
        """Publish all that there is in `frame`, with the `things` (3,) that are seen [m].

        `task` is one of the node's, or empty for none yet; `step` is that of a running episode.
        """
        self._frame = frame
        markers = [self._workspace]
        if task:
            limit = self._tasks[task].steps
            caption = task if step is None else f"{task}, step {step} of {limit}"
            markers += _of_task(self._tasks[task], caption)
        markers += [_thing(number, place) for number, place in enumerate(things)]
        # A line of one point is none, and viewers complain of it.
        if len(self._way) > 1:
            way = _marker("way", 0, Marker.LINE_STRIP, ORANGE, (WAY_LINE, 0.0, 0.0))
            way.points = list(self._way)
            markers.append(way)
        self._publish(markers)

    def clear(self) -> None:
        """Take everything away, for good."""
        self._way.clear()
        if self._shown:
            self._publish([])
            let_arrive(self._publisher)

    def _publish(self, markers: Sequence[Marker]) -> None:
        there = {(marker.ns, marker.id) for marker in markers}
        gone = [
            Marker(ns=namespace, id=number, action=Marker.DELETE)
            for namespace, number in sorted(self._shown - there)
        ]
        header = Header(stamp=self._clock.now().to_msg(), frame_id=self._frame)
        for marker in (*gone, *markers):
            marker.header = header
        self._shown = there
        self._publisher.publish(MarkerArray(markers=[*gone, *markers]))


def _of_task(task: RobotTask, caption: str) -> list[Marker]:
    size = np.maximum(np.subtract(task.start.high, task.start.low), THINNEST).tolist()
    start = _marker("start", 0, Marker.CUBE, BLUE, size)
    start.pose.position = _point(np.add(task.start.high, task.start.low) / 2)
    words = _marker("caption", 0, Marker.TEXT_VIEW_FACING, WHITE, (0.0, 0.0, LETTERS))
    middle = np.add(task.box.high, task.box.low) / 2
    words.pose.position = _point(np.array([*middle[:2], task.box.high[2] + 2 * LETTERS]))
    words.text = caption
    return [_lines("box", task.box, GREEN), start, words]


def _thing(number: int, place: Vector) -> Marker:
    marker = _marker("things", number, Marker.SPHERE, YELLOW, (2 * THING,) * 3)
    marker.pose.position = _point(place)
    return marker


def _lines(namespace: str, box: Box, colour: Colour) -> Marker:
    """Return the twelve edges of `box`."""
    marker = _marker(namespace, 0, Marker.LINE_LIST, colour, (LINE, 0.0, 0.0))
    ends = np.array([box.low, box.high])
    for one, other in itertools.combinations(itertools.product((0, 1), repeat=3), 2):
        if np.abs(np.subtract(one, other)).sum() == 1:
            marker.points += [_point(ends[corner, range(3)]) for corner in (one, other)]
    return marker


def _around(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all `boxes`, of which there is one or more."""
    lows, highs = zip(*boxes, strict=True)
    low, high = np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()
    return Box(tuple(low), tuple(high))


def _marker(
    namespace: str, number: int, kind: int, colour: Colour, scale: Sequence[float]
) -> Marker:
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD)
    marker.scale = Vector3(**dict(zip("xyz", scale, strict=True)))
    marker.color = ColorRGBA(**dict(zip("rgba", colour, strict=True)))
    marker.lifetime.sec = LIFETIME
    return marker


def _point(place: Vector) -> Point:
    x, y, z = place.tolist()
    return Point(x=x, y=y, z=z)
