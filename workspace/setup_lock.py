"""One set-up at a time in one checkout."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def setup_lock(path: Path) -> Iterator[int]:
    """Hold the lock at `path`, saying so when it has to be waited for; yields its file descriptor.

    Hand the descriptor on to children (pass_fds): a child that outlives a killed set-up then keeps
    the lock, and the next call waits for it instead of working beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("run: another call is setting up here; waiting for it", file=sys.stderr)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
