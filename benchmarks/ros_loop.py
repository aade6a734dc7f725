"""How much of a bare rclpy ping-pong's pace the environment contract keeps, for three payloads.

Ours is RosEnvironment stepping an EnvironmentServer; the peer answers the same Action with the same
Observation over the same profile and QoS, and does nothing else. The world's frame is constant, so
that transport is measured and not drawing. Both take turns: a noisy machine hits them alike.
"""

import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import dm_env
import numpy as np
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_contract.environment import Action as Values
from polytask_contract.specification import Specification
from polytask_contract.world import Progress
from polytask_msgs.msg import Action, Observation
from polytask_ros import qos
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.messages import fill_observation, packed
from polytask_ros.ros_environment import RosEnvironment
from polytask_ros.runtime import initialize, run_node

Size = tuple[int, int] | None

CASES: dict[str, Size] = {"state": None, "84x84": (84, 84), "640x480": (480, 640)}
STATE_SIZE = 39
ACTION_SIZE = 4
ROUNDS = 9
ROUND_SECONDS = 0.7
WARM_UP_SECONDS = 0.3
PEER_TIMEOUT = 10.0
# What the environment server writes beside a picture: the peer's message is as long as ours.
FRAME = "camera_optical_frame"


class ConstantWorld:
    """A world that always shows the same."""

    def __init__(self, image: Size) -> None:
        """Prepare what is shown: noise, for no layer can make less of that."""
        self.specification = Specification(
            suite="constant",
            tasks=("wait",),
            action_size=ACTION_SIZE,
            state_size=STATE_SIZE,
            image=image,
            control_period=0.01,
            episode_length=0,
            simulated=True,
        )
        random = np.random.default_rng(0)
        self.observation: dict[str, Any] = {
            "success": np.array(False),
            "state": random.normal(size=STATE_SIZE).astype(np.float32),
        }
        if image:
            self.observation["image"] = random.integers(0, 256, (*image, 3), np.uint8)

    def begin(self, _task: str, _seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Begin at once."""
        yield from ()
        return dm_env.restart(self.observation)

    def anticipate(self, _action: Values) -> None:
        """Do nothing."""

    def advance(self, _action: Values) -> dm_env.TimeStep:
        """Show the same again."""
        return dm_env.transition(1.0, self.observation)

    def halt(self, _reason: str) -> None:
        """Do nothing."""

    def stop(self, reason: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class ConstantServer(EnvironmentServer):
    """Serves a ConstantWorld."""

    def __init__(self, image: Size) -> None:
        """Serve pictures of the size `image`, or none."""
        self._image = image
        super().__init__("constant_environment")

    def make_world(self) -> ConstantWorld:
        """Return the world."""
        return ConstantWorld(self._image)


def serve_contract(image: Size) -> None:
    """Run our server until the process is ended."""
    run_node(lambda: ConstantServer(image))


def serve_pong(image: Size) -> None:
    """Run the peer's server until the process is ended."""
    initialize(signal_handler_options=SignalHandlerOptions.NO)
    node = Node("pong", start_parameter_services=False)
    pongs = node.create_publisher(Observation, "pong", qos.TURN)
    message = Observation()
    fill_observation(message, ConstantWorld(image).advance(np.zeros(ACTION_SIZE, np.float32)))
    message.header.frame_id = FRAME if image else ""

    def answer(ping: Action) -> None:
        message.step = ping.step
        pongs.publish(message)

    node.create_subscription(Action, "ping", answer, qos.TURN)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin()


class PingPong:
    """The peer's client."""

    def __init__(self) -> None:
        """Wait until the server is connected."""
        # A context of its own, as RosEnvironment has one: each client is a participant.
        self._context = Context()
        initialize(context=self._context)
        self._node = Node("ping", context=self._context, start_parameter_services=False)
        self._pings = self._node.create_publisher(Action, "ping", qos.TURN)
        pongs = self._node.create_subscription(Observation, "pong", self._on_pong, qos.TURN)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._sent = self._received = 0
        self._values = packed(np.zeros(ACTION_SIZE, np.float32), "f")
        self._spin_until(lambda: bool(self._pings.get_subscription_count()))
        self._spin_until(lambda: bool(pongs.get_publisher_count()))

    def step(self) -> None:
        """Send a ping and wait for its pong; raise TimeoutError when none comes."""
        self._sent += 1
        self._pings.publish(Action(step=self._sent, values=self._values))
        self._spin_until(lambda: self._received == self._sent)

    def close(self) -> None:
        """Free the node and its participant."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _on_pong(self, pong: Observation) -> None:
        self._received = pong.step

    def _spin_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PEER_TIMEOUT
        while not done():
            self._executor.spin_once(timeout_sec=0.1)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the peer did not answer within {PEER_TIMEOUT:g} s")


class Round(NamedTuple):
    """One stretch of steps: steps per second, and two quantiles of a step's time [ms]."""

    rate: float
    p50: float
    p99: float


def timed(step: Callable[[], object], seconds: float) -> Round:
    """Take steps for `seconds`."""
    times = [time.perf_counter()]
    while times[-1] - times[0] < seconds:
        step()
        times.append(time.perf_counter())
    p50, p99 = np.percentile(np.diff(times), (50, 99)) * 1e3
    return Round((len(times) - 1) / (times[-1] - times[0]), float(p50), float(p99))


def compare(image: Size) -> dict[str, Any]:
    """Return the case of pictures of the size `image`."""
    with Children() as children:
        children.start(serve_contract, image)
        children.start(serve_pong, image)
        environment = RosEnvironment("wait")
        peer = PingPong()
        action = np.zeros(ACTION_SIZE, np.float32)
        steps: list[Callable[[], object]] = [lambda: environment.step(action), peer.step]
        try:
            for step in steps:
                timed(step, WARM_UP_SECONDS)
            rounds = [[timed(step, ROUND_SECONDS) for step in steps] for _ in range(ROUNDS)]
        finally:
            environment.close()
            peer.close()
    ours, theirs = (
        Round(*map(median, zip(*side, strict=True))) for side in zip(*rounds, strict=True)
    )
    return {
        "ours": ours.rate,
        "peer": theirs.rate,
        # Of each pair of rounds, not of the medians: the two of a pair saw the same machine.
        "ratio": median(our.rate / their.rate for our, their in rounds),
        "unit": "1/s",
        "ours_p50_ms": ours.p50,
        "ours_p99_ms": ours.p99,
        "peer_p50_ms": theirs.p50,
        "peer_p99_ms": theirs.p99,
    }


def main() -> None:
    """Measure every case and print the result."""
    refuse_arguments()
    cases = {}
    with ended_in_order("ros_loop"):
        for name, image in CASES.items():
            cases[name] = compare(image)
            say(f"{name}: {cases[name]['ours']:.0f} steps/s, peer {cases[name]['peer']:.0f}")
    report("ros_loop", cases)


if __name__ == "__main__":
    main()
