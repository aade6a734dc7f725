"""What a camera is and how it does, as messages."""

from collections.abc import Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage

from polytask_ros.messages import packed
from polytask_xarm_driver.camera.calibration import Calibration
from polytask_xarm_driver.camera.diagnosis import Diagnosis, State
from polytask_xarm_driver.camera.encodings import jpeg

# compressed_image_transport's words: what it was, how it is packed, and what a decoder sees.
FORMAT = "rgb8; jpeg compressed bgr8"

LEVELS = {
    State.GOOD: DiagnosticStatus.OK,
    State.WAITING: DiagnosticStatus.WARN,
    State.SLOW: DiagnosticStatus.WARN,
    State.LATE: DiagnosticStatus.WARN,
    State.FROZEN: DiagnosticStatus.ERROR,
    State.LOST: DiagnosticStatus.ERROR,
}


def camera_info(calibration: Calibration | None, size: tuple[int, int]) -> CameraInfo:
    """Return the calibration of pictures of `size` (rows, columns).

    Without one every number is 0, which CameraInfo defines as not calibrated.
    """
    info = CameraInfo(height=size[0], width=size[1])
    if calibration is not None:
        info.distortion_model = calibration.model
        info.d = list(calibration.distortion)
        info.k = np.array(calibration.camera)
        info.r = np.array(calibration.rectification)
        info.p = np.array(calibration.projection)
    return info


def compressed_message(picture: NDArray[np.uint8], quality: int) -> CompressedImage:
    """Return `picture` (rows, columns, RGB) as JPEG of `quality`; its header is left empty."""
    data = np.frombuffer(jpeg(picture, quality), np.uint8)
    return CompressedImage(format=FORMAT, data=packed(data, "B"))


def diagnostics(
    name: str, hardware: str, diagnosis: Diagnosis, facts: Mapping[str, str]
) -> DiagnosticArray:
    """Return what is to be said of the camera of the node `name`; its stamp is left empty.

    `facts` are further lines that do not change the level.
    """
    age = "none yet" if diagnosis.age is None else f"{diagnosis.age:.3f}"
    values = {
        "state": diagnosis.state.value,
        "rate [1/s]": f"{diagnosis.rate:.2f}",
        "dropped pictures": str(diagnosis.dropped),
        "latency [s]": f"{diagnosis.latency:.4f}",
        "age of the newest picture [s]": age,
        **facts,
    }
    status = DiagnosticStatus(
        level=LEVELS[diagnosis.state],
        name=f"{name}: pictures",
        message=diagnosis.message,
        hardware_id=hardware,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
    return DiagnosticArray(status=[status])
