"""Pictures of somebody's own are read whole, or refused with their names."""

import numpy as np
import pytest
from PIL import Image

from polytask_contract.episodes.picture_file import InvalidPicture, read_picture

COLOURS = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_a_picture_of_any_usual_mode_has_three_colours(tmp_path, mode):
    path = tmp_path / "goal.png"
    Image.fromarray(COLOURS).convert(mode).save(path)
    assert read_picture(path).shape == (8, 9, 3)
    assert read_picture(path).dtype == np.uint8


def test_a_picture_comes_back_as_it_was(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "goal.png")
    assert (read_picture(tmp_path / "goal.png") == COLOURS).all()


def test_sixteen_bits_are_refused_as_they_would_be_cut_off(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 9), 40_000, np.uint16)).save(path)
    with pytest.raises(InvalidPicture, match=r"deep\.png has more than 8 bits a colour; valid: 8"):
        read_picture(path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_what_is_no_whole_picture_is_named(tmp_path, share):
    path = tmp_path / "cut.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InvalidPicture, match=r"cut\.png is no (whole )?picture"):
        read_picture(path)


def test_a_picture_that_is_not_there_is_told_by_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "none.png")
