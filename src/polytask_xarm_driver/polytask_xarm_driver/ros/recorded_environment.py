"""The environment as its recorder sees it: found, reset, watched and let go, without waiting."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from polytask_contract.errors import EnvironmentBusy, EnvironmentLost, ResetFailed
from polytask_contract.specification import Specification
from polytask_msgs.action import ResetEnvironment
from polytask_msgs.msg import EnvironmentSpec, Observation
from polytask_msgs.srv import ReleaseEnvironment
from polytask_ros import names, qos
from polytask_ros.greeting import Greeting
from polytask_ros.messages import MalformedMessage, specification_of, timestep_of
from polytask_ros.until import Until
from polytask_xarm_driver.recording.take import Seen

# Asking the graph costs more than waking up, and leaving it takes seconds.
GRAPH_PERIOD = 0.5

Result = ResetEnvironment.Result


class RecordedEnvironment:
    """One end of the environment contract: holds the environment while others act in it."""

    def __init__(
        self,
        node: Node,
        settings: Mapping[str, Any],
        observed: Callable[[Any, dict[str, int]], None],
    ) -> None:
        """Open the interfaces on `node`; `settings` are the recorder's parameters.

        `observed` is called with each observation's message, and when it was published and arrived.
        """
        self._node = node
        self._timeout: float = settings["environment_timeout"]
        self._reset_timeout: float = settings["reset_timeout"]
        self._client = node.get_fully_qualified_name()
        self._spec: EnvironmentSpec | None = None
        self._servers: set[bytes] = set()
        self._looked = 0.0
        self._there = False
        # Whoever acts in lockstep does not wait for the recorder, which must miss nothing.
        patient = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=settings["observation_depth"],
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.VOLATILE,
        )
        self._observations = node.create_subscription(
            Observation, names.OBSERVATION, observed, patient
        )
        self._resets = ActionClient(node, ResetEnvironment, names.RESET)
        self._releases = node.create_client(ReleaseEnvironment, names.RELEASE)

    def close(self) -> None:
        """Destroy what the node itself does not."""
        self._resets.destroy()

    async def find(self) -> Specification:
        """Return what the environment is; raise EnvironmentLost where there is none in time."""
        # Asked for anew each time: another environment may be there now.
        self._spec = None
        told = self._node.create_subscription(
            EnvironmentSpec, names.SPEC, self._on_spec, qos.LATCHED
        )
        try:
            await self._wait(lambda: self._spec is not None and self._connected(), "was found")
        finally:
            self._node.destroy_subscription(told)
        return specification_of(self._spec)

    async def meet(self) -> None:
        """Wait until the environment knows all that listens here; raise EnvironmentLost in time.

        What it says before, also the answer to a reset, it says to nobody.
        """
        greeting = Greeting(self._node, names.RESET)
        try:
            await self._wait(greeting.is_answered, "answered")
        finally:
            greeting.close()

    async def reset(self, task: str, seed: int, given_up: Callable[[], object]) -> Seen | None:
        """Begin an episode and return its first observation; None if it was `given_up` meanwhile.

        Raise EnvironmentBusy, ResetFailed, or EnvironmentLost where no answer comes in time.
        """
        await self._wait(self._connected, "is connected")
        self._servers = self._publishers()
        self._looked, self._there = time.monotonic(), True
        goal = ResetEnvironment.Goal(task=task, seed=seed, client=self._client)
        sending = self._resets.send_goal_async(goal)
        await self._wait(lambda: sending.done() or self.gone(), "took the reset")
        if not sending.done():
            raise EnvironmentLost(self._told("is gone"))
        handle = sending.result()
        ending = handle.get_result_async()
        if not await Until(lambda: ending.done() or self.gone() or given_up(), self._reset_timeout):
            handle.cancel_goal_async()
            raise EnvironmentLost(self._told(f"was not reset within {self._reset_timeout:g} s"))
        if not ending.done() and not self.gone():
            handle.cancel_goal_async()
            await self._wait(lambda: ending.done() or self.gone(), "gave the reset up")
        if not ending.done():
            raise EnvironmentLost(self._told("is gone"))
        # The graph may have learnt only now of the one that answered.
        self._servers |= self._publishers()
        return None if given_up() else _first(ending.result().result)

    def gone(self) -> bool:
        """Tell whether none of those that the last reset was sent to is on the graph any more."""
        now = time.monotonic()
        if now - self._looked > GRAPH_PERIOD:
            self._looked = now
            self._there = bool(self._servers & self._publishers())
        return not self._there

    def let_go(self) -> Any:
        """Ask for the end of the episode, so that the world stops; return the answer's future."""
        request = ReleaseEnvironment.Request(client=self._client)
        return self._releases.call_async(request)

    def _connected(self) -> bool:
        return bool(
            self._resets.server_is_ready()
            and self._releases.service_is_ready()
            and self._observations.get_publisher_count()
            and self._publishers()
        )

    def _publishers(self) -> set[bytes]:
        topic = self._node.resolve_topic_name(names.OBSERVATION)
        publishers = self._node.get_publishers_info_by_topic(topic)
        return {bytes(publisher.endpoint_gid) for publisher in publishers}

    async def _wait(self, condition: Callable[[], object], what: str) -> None:
        if not await Until(condition, self._timeout):
            raise EnvironmentLost(self._told(f"{what} within {self._timeout:g} s", "no "))

    def _told(self, what: str, which: str = "the ") -> str:
        place = self._node.resolve_topic_name(names.OBSERVATION)
        return f"{which}environment on {place} {what}"

    def _on_spec(self, message: EnvironmentSpec) -> None:
        self._spec = message


def seen(message: Observation, published: int = 0) -> Seen:
    """Return what an observation says; raise MalformedMessage where it contradicts itself.

    That of a reset's result was not `published`.
    """
    stamp = message.header.stamp
    if message.step_type > Observation.LAST:
        raise MalformedMessage(f"an observation's step_type is {message.step_type}; valid: 0 to 2")
    first = message.step_type == Observation.FIRST
    return Seen(
        episode=message.episode,
        step=message.step,
        timestep=timestep_of(message),
        action=None if first else np.frombuffer(message.action, np.float32),
        stopped=message.ending_message if message.ending == Observation.STOPPED else None,
        stamp=stamp.sec * 10**9 + stamp.nanosec,
        published=published,
    )


def _first(result: Any) -> Seen:
    if result.code == Result.BUSY:
        raise EnvironmentBusy(result.message)
    if result.code != Result.SUCCESS:
        raise ResetFailed(result.message or "the environment broke off; its log says why")
    return seen(result.observation)
