"""Files and folders that are there whole or not at all, whenever the writer is killed.

Each is written under another name beside its place, brought to the disk, and only then given its
name. What a killed writer leaves begins with a dot and has `.partial` in its name: nobody reads it.
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from polytask_contract.errors import PolyTaskError

PARTIAL = ".partial"


class OutputExists(PolyTaskError):
    """Something is already where a result should go; it was left as it is."""

    def __init__(self, path: Path) -> None:
        """Name the `path`."""
        super().__init__(f"{path} exists already; name another place, or move it away")


def make_folder(folder: Path) -> None:
    """Make `folder` and the folders above it, so that they outlive a loss of power."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent)


def write_under_first_free_name(folder: Path, names: Iterable[str], data: bytes) -> Path:
    """Write `data` into `folder` under the first of `names` that nobody has; return its path.

    Nothing is ever overwritten, however many writers there are at once.
    """
    make_folder(folder)
    aside = _aside(folder, "")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path = _claim(aside, (folder / name for name in names))
    finally:
        aside.unlink(missing_ok=True)
    _sync(folder)
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write a file to, which then takes the name `path`, over what had it.

    If the block raises, what was there stays. An OSError about the file names `path`.
    """
    make_folder(path.parent)
    # The suffix tells writers of pictures and videos the format.
    aside = _aside(path.parent, path.suffix)
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
    except OSError as error:
        # What fails at an open file, as on a full disk, does not say which.
        if error.errno is None or error.filename not in (None, aside, str(aside)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)
    _sync(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which then takes the name `path`.

    Raise OutputExists if there is something already, before or after the block. If the block
    raises, nothing is left.
    """
    if path.exists():
        raise OutputExists(path)
    make_folder(path.parent)
    aside = _aside(path.parent, "")
    aside.mkdir()
    try:
        yield aside
        for folder, _, names in os.walk(aside):
            for name in names:
                _sync(Path(folder, name))
            _sync(Path(folder))
        _move_folder(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _sync(path.parent)


def _aside(folder: Path, suffix: str) -> Path:
    return folder / f".{secrets.token_hex(8)}{PARTIAL}{suffix}"


def _claim(aside: Path, paths: Iterable[Path]) -> Path:
    """Give the file its first free name: a link, unlike a renaming, never replaces anything."""
    for path in paths:
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            continue
        return path
    raise OutputExists(aside.parent)


def _move_folder(aside: Path, path: Path) -> None:
    try:
        # Not Path.replace's silence about an empty folder: that is something already, too.
        if path.exists():
            raise OutputExists(path)
        aside.rename(path)
    except OSError as error:
        if path.exists():
            raise OutputExists(path) from error
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
