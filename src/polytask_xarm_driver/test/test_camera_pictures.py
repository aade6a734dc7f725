"""What pictures are encoded in, when they were taken, and how their camera is calibrated."""

import io

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from polytask_xarm_driver.camera.calibration import MODELS, read_calibration
from polytask_xarm_driver.camera.capture_time import LONGEST_WAY, capture_time
from polytask_xarm_driver.camera.encodings import CHANNELS, jpeg, rgb_picture
from polytask_xarm_driver.camera.errors import CameraError

PICTURE = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
MONOTONIC, WALL = 4_000.0, 1_795_000_000.0


def padded(rows, extra):
    """Return the bytes of a picture with `extra` bytes after each row."""
    flat = rows.reshape(rows.shape[0], -1)
    return np.pad(flat, ((0, 0), (0, extra))).tobytes(), flat.shape[1] + extra


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("encoding", CHANNELS)
def test_a_picture_is_the_same_however_it_was_encoded(encoding, extra):
    stored = {"rgb8": PICTURE, "bgr8": PICTURE[:, :, ::-1], "mono8": PICTURE[:, :, :1]}[encoding]
    data, step = padded(stored, extra)
    seen = rgb_picture(data, (5, 7), step, encoding)
    wanted = np.repeat(PICTURE[:, :, :1], 3, axis=2) if encoding == "mono8" else PICTURE
    assert np.array_equal(seen, wanted)


def test_rgb8_is_not_copied():
    data = bytearray(PICTURE.tobytes())
    seen = rgb_picture(data, (5, 7), 21, "rgb8")
    data[0] ^= 255
    assert seen[0, 0, 0] == data[0]


@pytest.mark.parametrize(
    ("size", "step", "count", "encoding", "words"),
    [
        ((5, 7), 21, 105, "yuv422", "'yuv422'; valid: rgb8, bgr8, mono8"),
        ((5, 7), 20, 100, "rgb8", "7 x 5 in rgb8 cannot have 100 bytes in rows of 20"),
        ((5, 7), 21, 104, "rgb8", "cannot have 104 bytes"),
        ((0, 0), 0, 0, "rgb8", "0 x 0 in rgb8 cannot have 0 bytes"),
    ],
)
def test_pictures_that_contradict_themselves_are_refused(size, step, count, encoding, words):
    with pytest.raises(CameraError, match=words):
        rgb_picture(bytes(count), size, step, encoding)


def test_a_jpeg_shows_the_picture_and_more_of_it_at_higher_quality():
    columns = np.linspace(0, 255, 64, dtype=np.uint8)
    picture = np.broadcast_to(columns[None, :, None], (48, 64, 3))
    errors = []
    for quality in (10, 95):
        seen = np.asarray(Image.open(io.BytesIO(jpeg(picture, quality))))
        errors.append(np.abs(seen.astype(int) - picture).mean())
    assert errors[1] < 2.0
    assert errors[1] < errors[0]


@given(age=st.floats(0.0, LONGEST_WAY - 0.1))
def test_a_stamp_of_either_clock_is_the_same_moment(age):
    for stamp in (MONOTONIC - age, WALL - age):
        assert capture_time(stamp, MONOTONIC, WALL) == pytest.approx(MONOTONIC - age, abs=1e-5)


@pytest.mark.parametrize("stamp", [0.0, 12.5, MONOTONIC + 1, MONOTONIC - 60, WALL - 60, WALL + 9])
def test_a_stamp_that_fits_no_clock_tells_nothing(stamp):
    assert capture_time(stamp, MONOTONIC, WALL) is None


def test_a_picture_is_never_taken_after_it_came():
    assert capture_time(MONOTONIC + 0.005, MONOTONIC, WALL) == MONOTONIC


def matrix(rows, columns):
    return {"rows": rows, "cols": columns, "data": [float(n) for n in range(rows * columns)]}


CALIBRATION = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "narrow",
    "camera_matrix": matrix(3, 3),
    "distortion_model": "plumb_bob",
    "distortion_coefficients": matrix(1, 5),
    "rectification_matrix": matrix(3, 3),
    "projection_matrix": matrix(3, 4),
}


@pytest.fixture
def written(tmp_path):
    """Write a calibration with changes; a field that is None is left out."""

    def write(**changes):
        path = tmp_path / "calibration.yaml"
        content = {
            key: value for key, value in (CALIBRATION | changes).items() if value is not None
        }
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("model", MODELS)
def test_a_calibration_is_what_its_file_says(written, model):
    count = MODELS[model]
    path = written(distortion_model=model, distortion_coefficients=matrix(1, count))
    calibration = read_calibration(path)
    assert calibration.size == (480, 640)
    assert calibration.model == model
    assert calibration.distortion == tuple(map(float, range(count)))
    assert calibration.camera == calibration.rectification == tuple(map(float, range(9)))
    assert calibration.projection == tuple(map(float, range(12)))
    calibration.check_size((480, 640))
    with pytest.raises(CameraError, match="pictures of 640 x 480, and the camera gives 320 x 240"):
        calibration.check_size((240, 320))


@pytest.mark.parametrize("field", sorted(set(CALIBRATION) - {"camera_name"}))
def test_a_calibration_without_one_of_its_fields_is_refused(written, field):
    with pytest.raises(CameraError, match=f"has no {field}"):
        read_calibration(written(**{field: None}))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("image_width", 0, "image_width 0; valid: a number of pixels"),
        ("image_height", "480", "image_height '480'"),
        ("distortion_model", "fisheye", "valid: one of plumb_bob"),
        ("camera_matrix", matrix(3, 2), "camera_matrix .* valid: data of 9 finite numbers"),
        ("camera_matrix", {"data": ["a"] * 9}, "camera_matrix"),
        ("camera_matrix", {"data": [float("nan")] * 9}, "camera_matrix"),
        ("projection_matrix", 5, "projection_matrix None; valid: data of 12"),
        ("distortion_coefficients", matrix(1, 4), "data of 5 finite numbers"),
    ],
)
def test_a_calibration_with_a_wrong_field_is_refused_by_its_name(written, field, value, words):
    with pytest.raises(CameraError, match=words):
        read_calibration(written(**{field: value}))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"a: [", "is not YAML"), (b"\xff\xfe\x00", "is not YAML"), (b"- 1", "has no fields")],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path, content, words):
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=words):
        read_calibration(str(path))


def test_a_calibration_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CameraError, match="cannot be read: No such file"):
        read_calibration(str(tmp_path / "none.yaml"))
