"""What is written in the place of something is there whole, or what was there stays."""

import errno
from pathlib import Path

import pytest

from polytask_contract.durable import replacing


def fill_the_disk(aside):
    """Write to `aside`, and then where there is no room, which does not say in which file."""
    aside.write_text("newer")
    with Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"more")


def test_a_full_disk_is_told_with_the_file_and_what_was_there_stays(tmp_path):
    path = tmp_path / "kept.json"
    path.write_text("older")
    with pytest.raises(OSError, match="No space left") as told, replacing(path) as aside:
        fill_the_disk(aside)
    assert (told.value.errno, told.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "older"
    assert [one.name for one in tmp_path.iterdir()] == ["kept.json"]


def test_a_place_that_is_a_folder_is_told_by_its_own_name(tmp_path):
    path = tmp_path / "place"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as told, replacing(path) as aside:
        aside.write_text("newer")
    assert told.value.filename == str(path)


def test_what_fails_for_another_file_is_told_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as told, replacing(tmp_path / "kept.json"):
        (tmp_path / "source").read_text()
    assert told.value.filename == str(tmp_path / "source")
    assert list(tmp_path.iterdir()) == []
