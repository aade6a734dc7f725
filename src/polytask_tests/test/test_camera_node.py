"""The camera as a process: what it publishes, and what it says when its pictures go wrong."""

import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from PIL import Image as Picture
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from polytask_ros import names, qos
from polytask_ros.messages import image_array
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize

PATIENCE = 30.0
RATE = 10
SIZE = (48, 64)
LEVELS = {
    "good": DiagnosticStatus.OK,
    "waiting": DiagnosticStatus.WARN,
    "slow": DiagnosticStatus.WARN,
    "late": DiagnosticStatus.WARN,
    "frozen": DiagnosticStatus.ERROR,
    "lost": DiagnosticStatus.ERROR,
}
numbers = itertools.count()


class Viewer(Node):
    """Keeps what a camera publishes and says."""

    def __init__(self, namespace):
        super().__init__("viewer", namespace=namespace, start_parameter_services=False)
        self.name = f"{namespace}/camera: pictures"
        self.pictures, self.infos, self.jpegs, self.said = [], [], [], []
        self.create_subscription(Image, names.CAMERA_IMAGE, self.pictures.append, qos.SENSOR)
        self.create_subscription(CameraInfo, names.CAMERA_INFO, self.infos.append, qos.SENSOR)
        self.create_subscription(
            CompressedImage, names.CAMERA_COMPRESSED, self.jpegs.append, qos.SENSOR
        )
        self.create_subscription(DiagnosticArray, names.DIAGNOSTICS, self._hear, qos.EVENT)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def _hear(self, message):
        for status in message.status:
            if status.name == self.name:
                values = {entry.key: entry.value for entry in status.values}
                assert status.level == LEVELS[values["state"]]
                self.said.append((status, values))

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not (answer := condition()):
            assert time.monotonic() < end, f"waited in vain; heard {self.told()}"
            self._executor.spin_once(timeout_sec=0.05)
        return answer

    def told(self):
        return [(values["state"], status.message) for status, values in self.said]

    def hear(self, state, words="", **measured):
        """Wait until the camera says that it is in `state`, from now on, and return all it says."""
        self.said.clear()

        def matching():
            for status, values in self.said:
                right = values["state"] == state and words in status.message
                if right and all(test(float(values[key])) for key, test in measured.items()):
                    return status, values
            return None

        return self.wait_for(matching)


@pytest.fixture
def namespace():
    """A namespace of its own for each test."""
    return f"/seen_{next(numbers)}"


@pytest.fixture
def viewer(namespace):
    initialize()
    node = Viewer(namespace)
    yield node
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def start(namespace):
    """Start nodes in the test's namespace, and end them with it."""
    with contextlib.ExitStack() as stack:

        def start(*command, **options):
            command = command or (executable("polytask_xarm_driver", "camera"),)
            return stack.enter_context(NodeProcess(*command, namespace=namespace, **options))

        yield start


@pytest.fixture
def publisher(start):
    """Start what publishes pictures; give the process and the function that orders it about."""
    process = start(sys.executable, "-m", "polytask_tests.picture_publisher", stdin=subprocess.PIPE)

    def order(line):
        process._process.stdin.write(f"{line}\n".encode())
        process._process.stdin.flush()

    yield process, order
    process._process.stdin.close()


@pytest.fixture
def video(tmp_path):
    """Return the path of a video of ten pictures and their grey levels."""
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(10):
            picture = np.full((*SIZE, 3), 20 * number + 30, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def matrix(rows, columns):
    return {"rows": rows, "cols": columns, "data": [float(n) for n in range(rows * columns)]}


def calibration(path, size):
    content = {
        "image_height": size[0],
        "image_width": size[1],
        "camera_matrix": matrix(3, 3),
        "distortion_model": "plumb_bob",
        "distortion_coefficients": matrix(1, 5),
        "rectification_matrix": matrix(3, 3),
        "projection_matrix": matrix(3, 4),
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def stamp_of(message):
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def test_a_video_is_a_calibrated_camera_that_says_how_it_does(viewer, start, video, tmp_path):
    path = calibration(tmp_path / "calibration.yaml", SIZE)
    start(parameters={"source": "file", "file": video, "calibration": path, "frame_id": "eye"})
    viewer.wait_for(lambda: len(viewer.pictures) > 3 and viewer.infos and viewer.jpegs)
    infos = {(info.header.stamp.sec, info.header.stamp.nanosec): info for info in viewer.infos}
    jpegs = {(one.header.stamp.sec, one.header.stamp.nanosec): one for one in viewer.jpegs}
    compared = 0
    for message in viewer.pictures:
        picture = image_array(message)
        assert picture.shape == (*SIZE, 3)
        assert message.header.frame_id == "eye"
        key = (message.header.stamp.sec, message.header.stamp.nanosec)
        if key in infos and key in jpegs:
            assert infos[key].header == jpegs[key].header == message.header
            seen = np.asarray(Picture.open(io.BytesIO(bytes(jpegs[key].data))))
            assert np.abs(seen.astype(int) - picture).max() < 10
            compared += 1
    assert compared
    info = viewer.infos[0]
    assert (info.height, info.width, info.distortion_model) == (*SIZE, "plumb_bob")
    assert info.k.tolist() == info.r.tolist() == list(range(9))
    assert (info.p.tolist(), list(info.d)) == (list(range(12)), list(range(5)))
    assert viewer.jpegs[0].format == "rgb8; jpeg compressed bgr8"
    stamps = [stamp_of(message) for message in viewer.pictures]
    assert stamps == sorted(set(stamps))
    assert abs(time.time() - stamps[-1]) < PATIENCE
    status, values = viewer.hear("good", **{"rate [1/s]": lambda rate: 0.8 * RATE <= rate < 15})
    assert status.hardware_id == f"video {video}"
    assert values["promised rate [1/s]"] == "10.00"
    assert values["size [px]"] == "64 x 48"
    assert values["stamps"] == "arrival"
    assert values["calibrated"] == path
    assert values["times opened"] == "1"


def test_without_a_calibration_the_camera_says_that_it_has_none(viewer, start, video):
    start(parameters={"source": "file", "file": video})
    viewer.wait_for(lambda: viewer.infos)
    info = viewer.infos[0]
    assert (info.height, info.width, info.k[0], info.distortion_model) == (*SIZE, 0.0, "")
    _, values = viewer.hear("good")
    assert values["calibrated"] == "no"


def test_the_end_of_a_video_is_a_loss_that_is_explained(viewer, start, video):
    start(parameters={"source": "file", "file": video, "loop": False})
    status, values = viewer.hear("lost", "the video has ended")
    assert status.message == "the video has ended; to play it again and again, set loop"
    assert values["rate [1/s]"] == "0.00"


def test_a_source_that_goes_away_is_opened_again_until_it_is_back(viewer, start, video):
    # A video that loops is opened for each round.
    start(parameters={"source": "file", "file": video, "reopen_period": 0.2})
    viewer.hear("good")
    Path(video).rename(f"{video}.away")
    viewer.hear("lost", "there is no video")
    status, _ = viewer.hear("lost")
    assert status.message.endswith("it is opened again every 0.2 s")
    Path(f"{video}.away").rename(video)
    _, values = viewer.hear("good")
    assert values["times opened"] == "2"


def noise(path):
    """Write a video of three seconds, one that can be read through a pipe; return its bytes."""
    random = np.random.default_rng(5)
    with av.open(str(path), "w", format="nut") as container:
        stream = container.add_stream("mpeg4", rate=RATE, options={"g": "1"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(3 * RATE):
            picture = random.integers(0, 256, (*SIZE, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def test_a_source_that_blocks_keeps_the_camera_neither_from_saying_so_nor_from_ending(
    viewer, start, tmp_path
):
    pipe, content = tmp_path / "pipe", noise(tmp_path / "noise.nut")
    os.mkfifo(pipe)
    parameters = {"source": "file", "file": str(pipe), "start_timeout": 1.0, "loop": False}
    camera = start(parameters=parameters)
    # To open a pipe is to wait for its writer, and to read it for what he has not written yet.
    viewer.hear("lost", "no picture has come for")
    with pipe.open("wb", buffering=0) as writer:
        writer.write(content[: len(content) // 2])
        viewer.hear("good")
        viewer.hear("lost", "no picture has come for")
        viewer.said.clear()
        writer.write(content[len(content) // 2 :])
        # Which of the two depends on how fast this machine reads what is left.
        viewer.wait_for(lambda: {"good", "slow"} & {state for state, _ in viewer.told()})
        viewer.hear("lost", "no picture has come for")
        assert camera.stop() == 0


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"device": "/dev/video97"}, "there is no device /dev/video97; valid: "),
        ({"device": "/dev/null"}, "/dev/null is no camera: "),
        ({"source": "file", "file": "/none.mp4"}, "there is no video '/none.mp4'"),
        ({"source": "file", "file": __file__}, "is no video that can be read"),
        pytest.param(
            {"source": "realsense"},
            "the Python package pyrealsense2, which is not installed",
            marks=pytest.mark.skipif(find_spec("pyrealsense2") is not None, reason="it is there"),
        ),
        ({"source": "usb"}, "parameter source is 'usb'; valid: one of"),
        ({"source": "topic", "topic": names.CAMERA_IMAGE}, "where the camera itself publishes"),
        ({"calibration": "/none.yaml"}, "the calibration /none.yaml cannot be read"),
    ],
)
def test_what_cannot_be_a_camera_ends_it_with_a_sentence(start, parameters, words):
    camera = start(parameters=parameters, stderr=subprocess.PIPE, text=True)
    assert camera.wait(PATIENCE) == 1
    (line,) = [line for line in camera.errors.read().splitlines() if line.startswith("error: ")]
    assert words in line


def test_a_calibration_of_another_size_ends_it_with_a_sentence(start, video, tmp_path):
    path = calibration(tmp_path / "wide.yaml", (480, 640))
    parameters = {"source": "file", "file": video, "calibration": path}
    camera = start(parameters=parameters, stderr=subprocess.PIPE, text=True)
    assert camera.wait(PATIENCE) == 1
    assert "is of pictures of 640 x 480, and the camera gives 64 x 48" in camera.errors.read()


def topic(**changes):
    return {"source": "topic", "rate": float(RATE), "longest_latency": 10.0, **changes}


@pytest.mark.usefixtures("publisher")
def test_a_topics_pictures_are_passed_on_with_their_own_stamps(viewer, start):
    given = []
    viewer.create_subscription(Image, names.SCENE_IMAGE, given.append, qos.SENSOR)
    start(parameters=topic())
    viewer.wait_for(lambda: len(viewer.pictures) > 3 and len(given) > 3)
    viewer.hear("good")
    shown = {stamp_of(message): bytes(message.data) for message in given}
    both = [message for message in viewer.pictures if stamp_of(message) in shown]
    assert both
    assert all(bytes(message.data) == shown[stamp_of(message)] for message in both)
    _, values = viewer.hear("good")
    assert values["stamps"] == "capture, as the sender has it"
    assert values["publishers"] == "one"


def test_a_publisher_that_is_killed_is_told_and_so_is_the_next_one(viewer, start, publisher):
    process, _ = publisher
    start(parameters=topic())
    viewer.hear("good")
    process.kill()
    _, values = viewer.hear("lost", "no picture has come for")
    assert float(values["age of the newest picture [s]"]) >= 3 / RATE
    viewer.wait_for(lambda: "nobody publishes" in viewer.said[-1][1]["publishers"])
    again = start(sys.executable, "-m", "polytask_tests.picture_publisher", stdin=subprocess.PIPE)
    viewer.hear("good")
    again._process.stdin.close()


def test_a_publisher_that_hangs_is_told_at_once_and_again_when_it_is_back(viewer, start, publisher):
    process, _ = publisher
    start(parameters=topic())
    viewer.hear("good")
    process.signal(signal.SIGSTOP)
    viewer.hear("lost", "no picture has come for")
    process.signal(signal.SIGCONT)
    viewer.hear("good")


def test_a_publisher_that_repeats_an_old_picture_is_frozen_and_nobody_is_shown_it(
    viewer, start, publisher
):
    _, order = publisher
    start(parameters=topic())
    viewer.hear("good")
    order("picture old")
    viewer.hear("frozen", "are one and the same")
    viewer.pictures.clear()
    viewer.hear("frozen")
    viewer.hear("frozen")
    assert viewer.pictures == []
    order("picture new")
    viewer.hear("good")
    viewer.wait_for(lambda: viewer.pictures)


def test_a_scene_that_stands_still_is_no_frozen_camera_unless_one_says_so(viewer, start, publisher):
    _, order = publisher
    camera = start(parameters=topic())
    viewer.hear("good")
    order("picture still")
    viewer.said.clear()
    viewer.wait_for(lambda: len(viewer.said) > 3)
    assert "frozen" not in {state for state, _ in viewer.told()}
    camera.stop()
    start(parameters=topic(detect_frozen="always", publish_frozen=True))
    viewer.hear("frozen")
    viewer.pictures.clear()
    viewer.wait_for(lambda: viewer.pictures)


def test_a_publisher_that_becomes_slow_is_told_with_its_true_rate(viewer, start, publisher):
    _, order = publisher
    start(parameters=topic())
    viewer.hear("good")
    order("rate 1")
    viewer.hear("slow", "and 10 are expected", **{"rate [1/s]": lambda rate: 0.3 < rate < 2})
    order("rate 10")
    viewer.hear("good")


def test_pictures_of_another_time_are_late(viewer, start, publisher):
    _, order = publisher
    start(parameters=topic())
    viewer.hear("good")
    order("picture late")
    viewer.hear("late", "after they were taken; valid: 10 s at most")


def test_an_encoding_that_is_not_known_is_refused_and_said(viewer, start, publisher):
    _, order = publisher
    start(parameters=topic())
    viewer.hear("good")
    order("encoding 16UC1")
    viewer.hear("lost", "the pictures' encoding is '16UC1'; valid: rgb8, bgr8, mono8")
    order("encoding bgr8")
    viewer.hear("good")


def test_pictures_without_a_stamp_are_stamped_when_they_come(viewer, start, publisher):
    _, order = publisher
    order("picture plain")
    start(parameters=topic())
    _, values = viewer.hear("good")
    viewer.wait_for(lambda: viewer.pictures)
    assert values["stamps"] == "arrival"
    assert stamp_of(viewer.pictures[-1]) > time.time() - PATIENCE


@pytest.mark.usefixtures("publisher")
def test_pictures_that_a_busy_camera_misses_are_counted(viewer, start):
    given = []
    viewer.create_subscription(Image, names.SCENE_IMAGE, given.append, qos.SENSOR)
    camera = start(parameters=topic())
    viewer.hear("good")
    camera.signal(signal.SIGSTOP)
    given.clear()
    viewer.wait_for(lambda: len(given) > 5)
    camera.signal(signal.SIGCONT)
    viewer.hear("good", **{"dropped pictures": lambda count: count > 0})


def test_a_camera_that_shows_nothing_yet_waits_and_then_is_lost(viewer, start):
    # Long enough for a viewer on a busy machine to be there.
    start(parameters=topic(start_timeout=5.0))
    viewer.hear("waiting", "the first picture is waited for")
    _, values = viewer.hear("lost")
    assert "nobody publishes" in values["publishers"]
    assert values["age of the newest picture [s]"] == "none yet"
