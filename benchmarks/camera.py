"""What a camera's pictures need: the Fast DDS profile that comes with polytask_ros.

640x480 rgb8 pictures go from one process to another at 30 Hz with the sensor QoS; ours with the
profile, the peer with Fast DDS as installed, whose shared memory is smaller than one picture.
"""

import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_ros import qos
from polytask_ros.messages import image_message
from polytask_ros.runtime import PROFILE, PROFILE_VARIABLES, initialize

TOPIC = "camera/image_raw"
RATE = 30.0
SECONDS = {"with profile": 30.0, "without profile": 14.0}
# A profile that sets nothing leaves Fast DDS as it is installed; a file without one is an error.
NO_PROFILE = """<dds><profiles xmlns="http://www.eprosima.com">
<participant profile_name="as_installed"><rtps/></participant>
</profiles></dds>"""
DISCOVERY_TIMEOUT = 15.0
# A picture that has not come by then is lost.
PATIENCE = 1.0

Arrivals = list[tuple[int, float]]


def open_node(name: str, profile: Path) -> Node:
    """Return a node on a middleware that reads `profile` and no other."""
    for variable in PROFILE_VARIABLES:
        os.environ[variable] = str(profile)
    initialize(signal_handler_options=SignalHandlerOptions.NO)
    return Node(name, start_parameter_services=False)


def meet(peers: Callable[[], int], matched: Barrier) -> None:
    """Wait until this end and the other one have found each other; raise TimeoutError if not."""
    deadline = time.monotonic() + DISCOVERY_TIMEOUT
    while not peers():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody else was found on {TOPIC} in {DISCOVERY_TIMEOUT:g} s")
        time.sleep(0.01)
    matched.wait(DISCOVERY_TIMEOUT)


def send(profile: Path, frames: int, matched: Barrier) -> None:
    """Publish `frames` pictures, each with its number and the time it was sent."""
    node = open_node("camera", profile)
    pictures = node.create_publisher(Image, TOPIC, qos.SENSOR)
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    meet(pictures.get_subscription_count, matched)
    start = time.monotonic()
    for number in range(frames):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        message = image_message(picture)
        message.header.frame_id = f"{number} {time.monotonic_ns()}"
        pictures.publish(message)
    # The middleware takes what was published with it when it goes.
    time.sleep(2 * PATIENCE)


def receive(profile: Path, frames: int, matched: Barrier, results: "Connection[Any, Any]") -> None:
    """Collect number and latency [ms] of the pictures that come, and send them as the result."""
    node = open_node("viewer", profile)
    arrivals: Arrivals = []

    def on_picture(message: Image) -> None:
        now = time.monotonic_ns()
        number, sent = map(int, message.header.frame_id.split())
        arrivals.append((number, (now - sent) / 1e6))

    pictures = node.create_subscription(Image, TOPIC, on_picture, qos.SENSOR)
    meet(pictures.get_publisher_count, matched)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end = time.monotonic() + frames / RATE + PATIENCE
    while time.monotonic() < end and not (arrivals and arrivals[-1][0] == frames - 1):
        executor.spin_once(timeout_sec=0.1)
    results.send(arrivals)


def transfer(profile: Path, seconds: float) -> dict[str, Any]:
    """Return what became of the pictures that were sent for `seconds`."""
    frames = round(seconds * RATE)
    with Children() as children:
        matched = SPAWN.Barrier(2)
        results, ours = SPAWN.Pipe(duplex=False)
        children.start(receive, profile, frames, matched, ours)
        children.start(send, profile, frames, matched)
        arrivals: Arrivals = children.receive(results)
    latencies = [latency for _, latency in arrivals]
    received = len({number for number, _ in arrivals})
    p50, p99 = np.percentile(latencies, (50, 99)).tolist() if latencies else (None, None)
    return {
        "sent": frames,
        "received": received,
        "lost": frames - received,
        "p50_ms": p50,
        "p99_ms": p99,
        "rate_hz": received / seconds,
        "unit": "ms",
    }


def main() -> None:
    """Measure both cases and print the result."""
    refuse_arguments()
    cases: dict[str, dict[str, Any]] = {}
    with ended_in_order("camera"), TemporaryDirectory() as folder:
        nothing = Path(folder, "fastdds.xml")
        nothing.write_text(NO_PROFILE, encoding="utf-8")
        for (name, seconds), profile in zip(SECONDS.items(), (PROFILE, nothing), strict=True):
            case = cases[name] = transfer(profile, seconds)
            say(f"{name}: {case['received']} of {case['sent']} pictures received")
    ours, peer = (case["received"] / case["sent"] for case in cases.values())
    ratio = ours / peer if peer else None
    cases["received share"] = {"ours": ours, "peer": peer, "ratio": ratio, "unit": "1"}
    report("camera", cases)


if __name__ == "__main__":
    main()
