"""Who writes into a run: one at a time, be it a process or a thread of one."""

import errno
import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

from polytask_contract.durable import make_folder
from polytask_contract.errors import PolyTaskError
from polytask_learning.training.evaluation_file import FOLDER as EVALUATIONS
from polytask_learning.training.run_folder import LOCK, check_place, is_left_over

# What says that nothing can be written to a place.
READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}

# What holders alone write: evaluations, reports and films are by those who only read.
WRITTEN = {".json", ".jsonl", ".checkpoint", ".safetensors"}


class RunBusy(PolyTaskError):
    """Somebody else writes into a run; nothing was changed. The message says who."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep everybody else from writing into the run at `path`, which is made if missing.

    Nobody is kept from reading. Raise RunBusy where another one holds it, be it a thread of this
    process, and OtherConfiguration as `check_place` does. Whatever ends the holder, the kernel
    lets go for it; what it was writing then is removed by the next one.
    """
    check_place(path)
    make_folder(path)
    with _opened(path / LOCK) as lock:
        if lock is None or not _taken(path, lock):
            yield
            return
        _tidy(path)
        try:
            yield
        finally:
            # Nobody is to take it for somebody's.
            lock.truncate(0)


def _opened(path: Path) -> AbstractContextManager[TextIO | None]:
    """Return the file to lock; None where nothing can be written, and nothing is in danger."""
    try:
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        if error.errno in READ_ONLY:
            return nullcontext()
        raise


def _taken(path: Path, lock: TextIO) -> bool:
    """Tell whether the run at `path` is held now; some file systems have no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read() or "somebody"
        raise RunBusy(
            f"{path} is being written to by {holder}; wait for its end, or end it"
        ) from error
    except OSError:
        return False
    lock.truncate(0)
    lock.write(f"process {os.getpid()} of {platform.node()}")
    lock.flush()
    return True


def _tidy(path: Path) -> None:
    """Remove what killed writers have left below `path`."""
    for folder, inner, names in os.walk(path):
        for name in filter(is_left_over, inner):
            shutil.rmtree(Path(folder, name))
        # Evaluations need no lock. A run in this one, as practice is, has a lock of its own.
        inner[:] = [
            name
            for name in inner
            if name != EVALUATIONS
            and not is_left_over(name)
            and not Path(folder, name, LOCK).exists()
        ]
        for name in names:
            if is_left_over(name) and Path(name).suffix in WRITTEN:
                Path(folder, name).unlink()
