"""Moving pictures show every episode from its first to its last picture."""

import numpy as np
import pytest
from PIL import Image

from polytask_sim.animation import CAPTION_ROWS, GUTTER, side_by_side, write_animation


def shades(*values):
    return [np.full((4, 6, 3), value, np.uint8) for value in values]


def test_episodes_play_side_by_side_and_a_shorter_one_rests_on_its_last_picture():
    frames = side_by_side({"a": shades(10, 20, 30), "b": shades(100)}, scale=2)
    pixels = [np.asarray(frame)[CAPTION_ROWS:] for frame in frames]
    assert [frame.shape for frame in pixels] == [(8, 2 * (12 + GUTTER), 3)] * 3
    assert [frame[0, 0, 0] for frame in pixels] == [10, 20, 30]
    assert [frame[0, 12 + GUTTER, 0] for frame in pixels] == [100, 100, 100]


def test_a_written_animation_has_its_frames_and_its_pace(tmp_path):
    path = tmp_path / "new" / "moving.gif"
    write_animation(path, side_by_side({"a": shades(0, 100, 200)}, 2), seconds_per_frame=0.1)
    with Image.open(path) as picture:
        assert picture.n_frames == 3
        assert picture.info["duration"] == 100
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_what_was_there(tmp_path):
    path = tmp_path / "moving.gif"
    path.write_text("before")
    with pytest.raises(ValueError, match="unpack"):
        write_animation(path, [], seconds_per_frame=0.1)
    assert path.read_text() == "before"
