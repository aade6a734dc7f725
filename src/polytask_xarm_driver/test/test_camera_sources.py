"""Where pictures come from: devices, files, and a RealSense camera's library."""

import errno
import sys
import time
from types import SimpleNamespace

import av
import numpy as np
import pytest

from polytask_xarm_driver.camera import device
from polytask_xarm_driver.camera.decoding import MOST_DAMAGED, Decoding
from polytask_xarm_driver.camera.device import Device, DevicePictures
from polytask_xarm_driver.camera.errors import CameraError, VideoEnded
from polytask_xarm_driver.camera.realsense import RealSense
from polytask_xarm_driver.camera.video_file import VideoFile

RATE = 25
COUNT = 5
SIZE = (48, 64)


@pytest.fixture
def video(tmp_path):
    """Return the path of a video whose pictures become brighter."""
    path = tmp_path / "bright.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(COUNT):
            picture = np.full((*SIZE, 3), 40 * number + 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def shades(frames):
    return [round((frame.picture.mean() - 20) / 40) for frame in frames]


def test_a_video_is_shown_whole_in_order_and_no_faster_than_it_is(video):
    begun = time.monotonic()
    pictures = VideoFile(video, loop=False).open()
    frames = [pictures.read() for _ in range(COUNT)]
    with pytest.raises(VideoEnded, match="set loop"):
        pictures.read()
    pictures.close()
    assert (pictures.size, pictures.rate) == (SIZE, RATE)
    assert shades(frames) == list(range(COUNT))
    assert [frame.number for frame in frames] == list(range(1, COUNT + 1))
    for place, frame in enumerate(frames):
        assert frame.arrived - begun >= place / RATE
    assert {frame.moment for frame in frames} == {None}


def test_a_video_that_loops_goes_on_at_its_pace(video):
    begun = time.monotonic()
    pictures = VideoFile(video, loop=True).open()
    frames = [pictures.read() for _ in range(2 * COUNT + 1)]
    pictures.close()
    assert shades(frames) == [*range(COUNT), *range(COUNT), 0]
    assert [frame.number for frame in frames] == list(range(1, 2 * COUNT + 2))
    assert frames[-1].arrived - begun >= 2 * COUNT / RATE - 0.001


def test_a_video_that_stood_still_does_not_hurry(video):
    pictures = VideoFile(video, loop=True).open()
    pictures.read()
    # As if the process had been stopped for an hour.
    pictures._begun -= 3600
    begun = time.monotonic()
    for _ in range(3):
        pictures.read()
    assert time.monotonic() - begun >= 1.9 / RATE
    pictures.close()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.mp4", None, "there is no video '.*none.mp4'; valid: a file's path"),
        ("text.mp4", b"nothing to see", "is no video that can be read"),
        ("", None, "is no video that can be read: Is a directory"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=words):
        VideoFile(str(path), loop=False).open()


def test_no_path_is_refused():
    with pytest.raises(CameraError, match="there is no video ''"):
        VideoFile("", loop=False).open()


def test_a_file_of_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
    with pytest.raises(CameraError, match=r"sound\.wav has no pictures in it"):
        VideoFile(str(path), loop=False).open()


# FFmpeg's own test picture is a device to PyAV as a camera is, only of another name.
GRAPH = f"testsrc=size=64x48:rate={RATE}"


def live(graph=GRAPH, size=SIZE, rate=RATE):
    return Device(graph, size, rate, form="lavfi")


def test_a_device_is_read_and_its_pictures_are_counted():
    pictures = live().open()
    frames = [pictures.read() for _ in range(4)]
    pictures.close()
    assert (pictures.size, pictures.rate) == (SIZE, RATE)
    assert [frame.number for frame in frames] == [1, 2, 3, 4]
    assert frames[0].picture.shape == (*SIZE, 3)
    assert not np.array_equal(frames[0].picture, frames[3].picture)
    # It counts from its own start, so when its pictures were taken is not known.
    assert {frame.moment for frame in frames} == {None}


def test_stamps_of_a_devices_clock_become_capture_times():
    stamped = live(f"{GRAPH},realtime,settb=1/1000000,setpts=RTCTIME").open()
    frames = [stamped.read() for _ in range(3)]
    stamped.close()
    for frame in frames:
        assert 0 <= frame.arrived - frame.captured < 10
    assert frames[0].captured < frames[1].captured < frames[2].captured


@pytest.mark.parametrize(
    ("size", "rate", "words"),
    [
        ((48, 80), RATE, "gives 64 x 48 at 25 a second, not 80 x 48 at 25 a second"),
        (SIZE, 30, "gives 64 x 48 at 25 a second, not 64 x 48 at 30 a second"),
    ],
)
def test_a_device_that_gives_something_else_is_refused(size, rate, words):
    with pytest.raises(CameraError, match=words):
        live(size=size, rate=rate).open()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/video97", "there is no device /dev/video97; valid: "),
        ("/dev/null", "/dev/null is no camera: "),
        ("/dev", "/dev is no camera: "),
    ],
)
def test_a_path_that_is_no_camera_is_refused(path, words):
    with pytest.raises(CameraError, match=words):
        Device(path, SIZE, RATE).open()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EBUSY, "in use by another program"),
        (errno.EACCES, "may not be read by this user; the group 'video' may"),
        (errno.ENODEV, "is no camera"),
        (errno.EINVAL, "does not open with video_size 64x48, framerate 25, input_format mjpeg: "),
    ],
)
def test_why_the_system_refuses_a_device_is_said(monkeypatch, number, words):
    def refuse(path, **_):
        av.error.err_check(-number, path)

    monkeypatch.setattr(device.av, "open", refuse)
    with pytest.raises(CameraError, match=words):
        Device("/dev/video0", SIZE, RATE, "mjpeg").open()


class Container:
    """Stands for what PyAV has opened; gives pictures, empty packets, and raises errors."""

    def __init__(self, *orders):
        self._orders = iter(orders)
        self.closed = False
        stream = SimpleNamespace(average_rate=RATE, guessed_rate=None, height=48, width=64)
        self.streams = SimpleNamespace(video=[stream])

    def demux(self, _stream):
        for order in self._orders:
            if isinstance(order, Exception):
                raise order
            picture = np.full((*SIZE, 3), order or 0, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            size = 0 if order is None else picture.size
            yield SimpleNamespace(size=size, pts=5, decode=lambda frame=frame: [frame])

    def close(self):
        self.closed = True


def failure(number):
    """Return FFmpeg's error of a `number`."""
    with pytest.raises(av.FFmpegError) as caught:
        av.error.err_check(-number)
    return caught.value


def damaged():
    return failure(int.from_bytes(b"INDA", "little"))


def test_a_damaged_picture_is_counted_and_passed_over():
    pictures = DevicePictures(Decoding(Container(1, None, damaged(), 4), "it"))
    assert [pictures.read().number for _ in range(2)] == [1, 4]


def test_pictures_that_are_all_damaged_are_a_loss():
    pictures = DevicePictures(Decoding(Container(*(damaged() for _ in range(40))), "it"))
    with pytest.raises(CameraError, match=f"it gave {MOST_DAMAGED} damaged pictures in a row"):
        pictures.read()


def test_a_device_that_is_unplugged_is_a_loss():
    pictures = DevicePictures(Decoding(Container(1, failure(errno.ENODEV)), "it"))
    pictures.read()
    with pytest.raises(CameraError, match="it gives no more pictures: No such device"):
        pictures.read()


def test_a_device_that_ends_is_a_loss_and_no_end_of_a_video():
    pictures = DevicePictures(Decoding(Container(1), "it"))
    pictures.read()
    with pytest.raises(CameraError, match="has ended") as caught:
        pictures.read()
    assert not isinstance(caught.value, VideoEnded)


def test_without_the_library_realsense_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(CameraError, match="pyrealsense2, which is not installed; other sources:"):
        RealSense("", SIZE, RATE)


class Library:
    """As much of pyrealsense2 as is used, with one camera."""

    stream = SimpleNamespace(color="color")
    format = SimpleNamespace(rgb8="rgb8")
    timestamp_domain = SimpleNamespace(hardware_clock=0, system_time=1, global_time=2)

    def __init__(self, domain=2, refusal=None, silence=None):
        self.domain, self.refusal, self.silence = domain, refusal, silence
        self.memory = np.zeros((*SIZE, 3), np.uint8)
        self.asked, self.stopped = [], 0

    def config(self):
        return SimpleNamespace(
            enable_device=self.asked.append,
            enable_stream=lambda *wanted: self.asked.append(wanted),
        )

    def pipeline(self):
        return SimpleNamespace(start=self._start, stop=self._stop, wait_for_frames=self._wait)

    def _start(self, _config):
        if self.refusal:
            raise RuntimeError(self.refusal)

    def _stop(self):
        self.stopped += 1

    def _wait(self, _milliseconds):
        if self.silence:
            raise RuntimeError(self.silence)
        stamp = (time.time() if self.domain else 5.0) * 1000
        frame = SimpleNamespace(
            get_data=lambda: self.memory,
            get_frame_number=lambda: 41,
            get_timestamp=lambda: stamp,
            get_frame_timestamp_domain=lambda: self.domain,
        )
        return SimpleNamespace(get_color_frame=lambda: frame)


@pytest.mark.parametrize("domain", [0, 1, 2])
def test_realsense_pictures_are_stamped_by_the_hosts_clock_or_not_at_all(monkeypatch, domain):
    library = Library(domain)
    monkeypatch.setitem(sys.modules, "pyrealsense2", library)
    pictures = RealSense("1234", SIZE, RATE).open()
    frame = pictures.read()
    assert library.asked == ["1234", ("color", 64, 48, "rgb8", RATE)]
    assert frame.number == 41
    assert (frame.captured is None) == (domain == 0)
    # The library writes the next picture into the same memory.
    library.memory += 1
    assert not frame.picture.any()
    pictures.close()
    assert library.stopped == 1


def test_realsense_troubles_are_said_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", Library(refusal="No device connected"))
    asked = "does not open with 64 x 48 at 25 a second: No device connected"
    with pytest.raises(CameraError, match=asked):
        RealSense("", SIZE, RATE).open()
    monkeypatch.setitem(sys.modules, "pyrealsense2", Library(silence="Frame didn't arrive"))
    with pytest.raises(CameraError, match="no more pictures: Frame didn't arrive"):
        RealSense("", SIZE, RATE).open().read()
