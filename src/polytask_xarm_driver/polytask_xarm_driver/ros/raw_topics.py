"""Topics that are recorded as they come: found, described, and subscribed to undecoded."""

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from polytask_contract.errors import PolyTaskError
from polytask_ros.until import Until
from polytask_xarm_driver.recording.message_definition import (
    DefinitionNotFound,
    full_definition,
    split_type,
)
from polytask_xarm_driver.recording.raw_file import RawTopic

# Called with a message's bytes and when it was published and arrived.
Take = Callable[[bytes, dict[str, int]], None]
# Called with a topic, a message's bytes, and when it arrived and was published [ns].
Receive = Callable[[str, bytes, int, int], None]


class InvalidTopic(PolyTaskError):
    """A topic cannot be recorded; the message names it and says why."""


class _Message(NamedTuple):
    data: bytes
    published: int


class RawTopics:
    """Subscriptions to some topics; what comes is handed on as the bytes it came in.

    `described` holds what an MCAP file needs to know of each, by the topic's full name.
    """

    def __init__(self, node: Node, topics: Sequence[str], depth: int, receive: Receive) -> None:
        """Subscribe to `topics`, full names that somebody publishes; `depth` messages may queue.

        Raise InvalidTopic where a topic is of several types, or of one that is not installed.
        """
        self._node = node
        self._receive = receive
        self._latched: dict[str, _Message] = {}
        self.described: dict[str, RawTopic] = {}
        found = {topic: node.get_publishers_info_by_topic(topic) for topic in topics}
        kinds = {topic: _kind(topic, publishers) for topic, publishers in found.items()}
        for topic, kind in kinds.items():
            try:
                definition = full_definition(kind, definition_file)
                message_class(kind)
            except DefinitionNotFound as error:
                raise InvalidTopic(f"topic {topic} cannot be recorded: {error}") from error
            self.described[topic] = RawTopic(topic, kind, definition)
        self._subscriptions: list[tuple[Any, Take]] = [
            self._subscribe(topic, kinds[topic], common_profile(found[topic], depth))
            for topic in topics
        ]

    def close(self) -> None:
        """End the subscriptions."""
        for subscription, _ in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def take_arrived(self) -> None:
        """Hand on what has arrived and the executor has not read yet."""
        for subscription, receive in self._subscriptions:
            while taken := subscription.handle.take_message(subscription.msg_type, True):
                receive(*taken)

    def repeat_latched(self) -> None:
        """Hand the newest message of every latched topic on again, as arriving now."""
        arrived = self._node.get_clock().now().nanoseconds
        for topic, message in self._latched.items():
            self._receive(topic, message.data, arrived, message.published)

    def _subscribe(self, topic: str, kind: str, profile: QoSProfile) -> tuple[Any, Take]:
        latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        receive = partial(self._take, topic, latched)
        # By its signature rclpy knows that a callback wants to be told the times as well.
        subscription = self._node.create_subscription(
            message_class(kind), topic, receive, profile, raw=True
        )
        return subscription, receive

    def _take(self, topic: str, latched: bool, data: bytes, info: dict[str, int]) -> None:
        if latched:
            self._latched[topic] = _Message(data, info["source_timestamp"])
        self._receive(topic, data, info["received_timestamp"], info["source_timestamp"])


async def find_topics(node: Node, topics: Sequence[str], timeout: float) -> list[str]:
    """Return the full names of `topics`, each once, when every one of them is published.

    Raise InvalidTopic for a name that is none, and for one that nobody publishes in `timeout`
    seconds: a node that has just begun does not know yet who is there.
    """
    names = list(dict.fromkeys(full_name(node, topic, "raw_topics") for topic in topics))
    await Until(lambda: all(map(node.count_publishers, names)), timeout)
    for name in names:
        if not node.count_publishers(name):
            raise InvalidTopic(f"nobody publishes {name}, which raw_topics names")
    return names


def definition_file(package: str, name: str) -> str:
    """Return the text of an installed message's file; raise DefinitionNotFound where it is not."""
    try:
        path = Path(get_package_share_directory(package), "msg", f"{name}.msg")
        return path.read_text(encoding="utf-8")
    except (PackageNotFoundError, FileNotFoundError, ValueError):
        raise DefinitionNotFound(f"{package}/msg/{name} is not installed here") from None


def message_class(kind: str) -> Any:
    """Return the class of an installed message; raise DefinitionNotFound where it is not."""
    package, name = split_type(kind)
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ModuleNotFoundError, AttributeError):
        raise DefinitionNotFound(f"{kind} is not installed here") from None


def full_name(node: Node, topic: str, origin: str) -> str:
    """Return the full name of a topic; raise InvalidTopic where `origin` names what is none."""
    try:
        name: str = node.resolve_topic_name(topic)
    except rclpy_implementation.RCLError as error:
        # What follows is a place in somebody else's source code.
        reason = " ".join(str(error).split(", at /")[0].split())
        raise InvalidTopic(f"{origin} names {topic!r}, which is no topic: {reason}") from None
    return name


def _kind(topic: str, publishers: Sequence[Any]) -> str:
    kinds = sorted({publisher.topic_type for publisher in publishers})
    if not kinds:
        raise InvalidTopic(f"nobody publishes {topic}, which raw_topics names")
    if len(kinds) > 1:
        raise InvalidTopic(f"{topic} is published as {' and as '.join(kinds)}; valid: one type")
    return str(kinds[0])


def common_profile(publishers: Sequence[Any], depth: int) -> QoSProfile:
    """Return the best profile that all of some publishers can serve; `depth` messages may queue.

    The publishers are described as node.get_publishers_info_by_topic does it.
    """
    offered = [publisher.qos_profile for publisher in publishers]
    reliable = all(one.reliability == ReliabilityPolicy.RELIABLE for one in offered)
    latched = all(one.durability == DurabilityPolicy.TRANSIENT_LOCAL for one in offered)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
