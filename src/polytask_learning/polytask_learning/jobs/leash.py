"""Becomes a command that dies with its parent: `python -m polytask_learning.jobs.leash PARENT ...`.

Linux kills the command when the thread that started it ends, which even SIGKILL cannot prevent.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str]) -> list[str]:
    """Return the words that start `command` so that it does not outlive the calling thread."""
    # -P: what lies in the folder of the call is not to be imported.
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), *command]


def become(parent: int, command: list[str]) -> None:
    """Turn this process into `command`; return only if `parent` has ended already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot bind to the parent: {os.strerror(number)}")
    # Asked after binding: a parent that ended before that gave no signal.
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
