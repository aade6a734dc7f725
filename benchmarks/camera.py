"""What arrives of a camera's pictures in another process: 640x480 rgb8 at 30 Hz, with sensor QoS.

Once with the Fast DDS profile that polytask_ros sets, once as Fast DDS is installed, to show why
the profile is there. Takes a minute, most of it the 30 s that the first case watches.
"""

import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children
from benchmarks._report import refuse_arguments, report, say
from polytask_ros import qos
from polytask_ros.messages import image_message
from polytask_ros.runtime import PROFILE_VARIABLES, initialize

TOPIC = "camera/image_raw"
SIZE = (480, 640)
RATE = 30.0
WITH_SECONDS, WITHOUT_SECONDS = 30.0, 15.0
# A picture that has not come by then is lost.
LAST_ARRIVAL = 1.0
# A profile that sets nothing: what Fast DDS does of its own accord.
NO_PROFILE = """<profiles xmlns="http://www.eprosima.com">
  <participant profile_name="plain"><rtps><name>plain</name></rtps></participant>
</profiles>"""


def open_node(name: str) -> tuple[Any, SingleThreadedExecutor]:
    """Return a node and the executor that spins it."""
    initialize(signal_handler_options=SignalHandlerOptions.NO)
    node = Node(name, start_parameter_services=False)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    return node, executor


def publish(seconds: float, channel: Connection) -> None:
    """Publish numbered pictures for `seconds` once somebody listens, then tell how many."""
    node, _executor = open_node("camera")
    publisher = node.create_publisher(Image, TOPIC, qos.SENSOR)
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    while publisher.get_subscription_count() == 0:
        time.sleep(0.05)
    time.sleep(LAST_ARRIVAL)
    count = round(seconds * RATE)
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        message = image_message(picture)
        message.header.frame_id = f"{number} {time.monotonic_ns()}"
        publisher.publish(message)
    channel.send(count)


def subscribe(channel: Connection) -> None:
    """Collect the number and the latency [ms] of each picture until asked for them."""
    node, executor = open_node("viewer")
    arrived: dict[int, float] = {}

    def on_picture(message: Image) -> None:
        number, sent = map(int, message.header.frame_id.split())
        arrived[number] = (time.monotonic_ns() - sent) * 1e-6

    node.create_subscription(Image, TOPIC, on_picture, qos.SENSOR)
    while not channel.poll():
        executor.spin_once(timeout_sec=0.1)
    channel.send(list(arrived.values()))


def watch(seconds: float) -> dict[str, Any]:
    """Return how many pictures were sent, received and lost, and the latency of the received."""
    with Children() as children:
        camera, camera_end = SPAWN.Pipe()
        viewer, viewer_end = SPAWN.Pipe()
        children.start(subscribe, viewer_end)
        children.start(publish, seconds, camera_end)
        sent = children.receive(camera)
        time.sleep(LAST_ARRIVAL)
        viewer.send("enough")
        latencies = children.receive(viewer)
    p50, p99 = np.percentile(latencies, (50, 99)) if latencies else (None, None)
    received = len(latencies)
    return {
        "sent": sent,
        "received": received,
        "lost": sent - received,
        "rate_hz": received / seconds,
        "p50_ms": p50,
        "p99_ms": p99,
    }


def main() -> None:
    """Watch both cases and print the result."""
    refuse_arguments()
    # Whatever the user has set: the first case is about our own profile.
    for variable in PROFILE_VARIABLES:
        os.environ.pop(variable, None)
    say(f"with profile: {WITH_SECONDS:g} s")
    ours = watch(WITH_SECONDS)
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as empty:
        empty.write(NO_PROFILE)
        empty.flush()
        os.environ[PROFILE_VARIABLES[0]] = empty.name
        say(f"without profile: {WITHOUT_SECONDS:g} s")
        peer = watch(WITHOUT_SECONDS)
    share = {"ours": ours["received"] / ours["sent"], "peer": peer["received"] / peer["sent"]}
    # Where nothing arrived without the profile there is no ratio to speak of.
    ratio = share["ours"] / share["peer"] if share["peer"] else None
    arrival = {**share, "ratio": ratio, "unit": "share of the pictures sent"}
    report("camera", {"arrival": arrival, "with profile": ours, "without profile": peer})


if __name__ == "__main__":
    main()
