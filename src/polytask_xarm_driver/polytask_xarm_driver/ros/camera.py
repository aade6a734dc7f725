"""A camera over ROS."""

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from polytask_ros import names, qos
from polytask_ros.messages import image_message
from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_xarm_driver.camera.calibration import read_calibration
from polytask_xarm_driver.camera.device import Device
from polytask_xarm_driver.camera.diagnosis import Diagnosis, State
from polytask_xarm_driver.camera.errors import CameraError
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.monitor import CameraMonitor, Expectations
from polytask_xarm_driver.camera.reader import CameraReader, News
from polytask_xarm_driver.camera.realsense import RealSense
from polytask_xarm_driver.camera.source import CameraSource
from polytask_xarm_driver.camera.video_file import VideoFile
from polytask_xarm_driver.ros.camera_messages import camera_info, compressed_message, diagnostics
from polytask_xarm_driver.ros.camera_topic import CameraTopic

REPORT_PERIOD = 1.0
# Sources whose noise never repeats: equal pictures are old ones.
NOISY = ("device", "realsense")


class Camera(Node):  # type: ignore[misc]  # rclpy is not typed
    """Publishes what a device, a file or another node shows, and says whether it is good.

    Stamps are capture times where the source tells them, and arrival times otherwise. Pictures that
    nobody subscribes to are looked at and not sent.
    """

    def __init__(self) -> None:
        """Open the node `camera` and its source; raise PolyTaskError when that cannot be."""
        super().__init__("camera")
        settings = declare_parameters(self, "polytask_xarm_driver.ros", "camera.yaml")
        refuse_undeclared(self)
        self._settings = settings
        path = settings["calibration"]
        self._calibration = read_calibration(path) if path else None
        self._monitor = CameraMonitor(expectations(settings), settings["rate"], time.monotonic())
        self._state: State | None = None
        self._info = CameraInfo()
        self._stamps = "none yet"
        self._opened = 0
        self._open_publishers()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._patience = self.create_timer(self._monitor.patience, self._check, clock=self._steady)
        self.create_timer(REPORT_PERIOD, self._report, clock=self._steady)
        self._topic: CameraTopic | None = None
        self._reader: CameraReader | None = None
        if settings["source"] == "topic":
            self._topic = CameraTopic(self, settings["topic"], self._on_frame, self._on_refused)
            self._hardware = self._topic.description
        else:
            self._start_reader(chosen_source(settings))

    def _open_publishers(self) -> None:
        self._images = self.create_publisher(Image, names.CAMERA_IMAGE, qos.SENSOR)
        self._infos = self.create_publisher(CameraInfo, names.CAMERA_INFO, qos.SENSOR)
        self._jpegs = self.create_publisher(CompressedImage, names.CAMERA_COMPRESSED, qos.SENSOR)
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)

    def _start_reader(self, source: CameraSource) -> None:
        self._hardware = source.description
        guard = self.create_guard_condition(self._on_woken)
        self._reader = CameraReader(source, guard.trigger, self._settings["reopen_period"])
        self._reader.start(self._settings["start_timeout"])

    def destroy_node(self) -> None:
        """Let go of the source, then end the node."""
        if self._reader is not None:
            self._reader.stop()
        super().destroy_node()

    # What comes

    def _on_woken(self) -> None:
        if self._reader is None:
            return
        for what in self._reader.take():
            if isinstance(what, Frame):
                self._on_frame(what)
            else:
                self._on_news(what)
        self._check()

    def _on_news(self, news: News) -> None:
        if news.rate is None:
            self._monitor.lose(news.text)
            self.get_logger().error(news.text, throttle_duration_sec=10.0)
        else:
            self._opened += 1
            self._monitor.opened(news.rate)
            self.get_logger().info(news.text)

    def _on_refused(self, error: CameraError) -> None:
        self._monitor.lose(str(error))
        self._check()

    def _on_frame(self, frame: Frame) -> None:
        now, stamp = time.monotonic(), self._capture_time(frame)
        latency = (self.get_clock().now() - stamp).nanoseconds * 1e-9
        self._monitor.see(frame, now, latency)
        self._patience.timer_period_ns = int(self._monitor.patience * 1e9)
        self._patience.reset()
        frozen = self._monitor.diagnose(now).state is State.FROZEN
        if not frozen or self._settings["publish_frozen"]:
            self._publish(frame, stamp)
        self._check()

    def _capture_time(self, frame: Frame) -> Time:
        """Return when a picture was taken, by the clock that the graph shares."""
        clock = self.get_clock()
        if frame.stamp is not None:
            self._stamps = "capture, as the sender has it"
            return Time(nanoseconds=frame.stamp, clock_type=clock.clock_type)
        self._stamps = "arrival" if frame.captured is None else "capture"
        taken = frame.arrived if frame.captured is None else frame.captured
        age = int((time.monotonic() - taken) * 1e9)
        # A simulated clock may have just begun.
        return Time(nanoseconds=max(0, clock.now().nanoseconds - age), clock_type=clock.clock_type)

    # What goes

    def _publish(self, frame: Frame, stamp: Time) -> None:
        size = frame.picture.shape[:2]
        if size != (self._info.height, self._info.width):
            if self._calibration is not None:
                self._calibration.check_size(size)
            self._info = camera_info(self._calibration, size)
        header = self._info.header
        header.stamp, header.frame_id = stamp.to_msg(), self._settings["frame_id"]
        self._infos.publish(self._info)
        if self._images.get_subscription_count():
            image = image_message(frame.picture)
            image.header = header
            self._images.publish(image)
        if self._jpegs.get_subscription_count():
            small = compressed_message(frame.picture, self._settings["jpeg_quality"])
            small.header = header
            self._jpegs.publish(small)

    def _check(self) -> None:
        """Say at once what has changed."""
        diagnosis = self._monitor.diagnose(time.monotonic())
        if diagnosis.state is self._state:
            return
        self._state = diagnosis.state
        text = f"{diagnosis.state.value}: {diagnosis.message}"
        log = self.get_logger()
        if diagnosis.state is State.GOOD:
            log.info(text)
        elif diagnosis.state in (State.LOST, State.FROZEN):
            log.error(text)
        else:
            log.warning(text)
        self._publish_diagnostics(diagnosis)

    def _report(self) -> None:
        self._check()
        self._publish_diagnostics(self._monitor.diagnose(time.monotonic()))

    def _publish_diagnostics(self, diagnosis: Diagnosis) -> None:
        rows, columns = self._info.height, self._info.width
        facts = {
            "promised rate [1/s]": f"{self._monitor.promised_rate:.2f}",
            "size [px]": f"{columns} x {rows}",
            "stamps": self._stamps,
            "calibrated": "no" if self._calibration is None else self._calibration.path,
        }
        if self._topic is not None:
            facts["publishers"] = self._topic.remark() or "one"
        else:
            facts["times opened"] = str(self._opened)
        name = self.get_fully_qualified_name()
        message = diagnostics(name, self._hardware, diagnosis, facts)
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def expectations(settings: dict[str, Any]) -> Expectations:
    """Return what the parameters hold a camera to."""
    detect = settings["detect_frozen"]
    return Expectations(
        window=settings["rate_window"],
        minimum_share=settings["minimum_share"],
        longest_latency=settings["longest_latency"],
        start_timeout=settings["start_timeout"],
        never_repeats=detect == "always" or (detect == "auto" and settings["source"] in NOISY),
    )


def chosen_source(settings: dict[str, Any]) -> CameraSource:
    """Return the source that the parameters name, which is no topic, or raise CameraError."""
    size, rate = (settings["height"], settings["width"]), settings["rate"]
    if settings["source"] == "file":
        return VideoFile(settings["file"], loop=settings["loop"])
    if settings["source"] == "realsense":
        return RealSense(settings["serial"], size, round(rate))
    return Device(settings["device"], size, rate, settings["pixel_format"])
