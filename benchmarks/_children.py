"""Processes that a benchmark starts and that never outlive it, on a ROS domain of their own."""

import multiprocessing
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from polytask_contract.errors import PolyTaskError

# Forked processes would share what rclpy and Fast DDS hold; spawned ones begin from nothing.
SPAWN = multiprocessing.get_context("spawn")
GRACE = 5.0
HIGHEST_DOMAIN = 100


class ChildFailed(Exception):
    """A process ended before its work was done; its own traceback is on stderr."""


class Children:
    """Starts functions as processes; leaving the context ends those that still run.

    Ctrl-C and SIGTERM reach this process alone, which then ends its children. ROS talks on this
    machine only, in the domain that ROS_DOMAIN_ID names or else a random one.
    """

    def __init__(self) -> None:
        """Prepare this process and what it will start."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        os.environ.setdefault("ROS_DOMAIN_ID", str(1 + secrets.randbelow(HIGHEST_DOMAIN)))
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self._processes: list[BaseProcess] = []

    def start(self, work: Callable[..., None], *arguments: Any) -> BaseProcess:
        """Run `work(*arguments)` in a process of its own."""
        process = SPAWN.Process(target=_live, args=(work, arguments), daemon=True)
        # Ignored from its first instruction on: a child inherits that.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.start()
        signal.signal(signal.SIGINT, handler)
        self._processes.append(process)
        return process

    def receive(self, source: "Connection[Any, Any]") -> Any:
        """Return what a child sends; raise ChildFailed when a child ends with an error first."""
        while not source.poll(0.1):
            for process in self._processes:
                if process.exitcode:
                    raise ChildFailed(f"a process ended with status {process.exitcode}")
        return source.recv()

    def stop(self) -> None:
        """End every child, by force where asking does not help within GRACE seconds."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(GRACE)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes.clear()

    def __enter__(self) -> "Children":
        """Return the still empty collection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End every child."""
        self.stop()


@contextmanager
def ended_in_order(name: str) -> Iterator[None]:
    """End the benchmark `name` with one sentence at Ctrl-C, and when an end of it has failed."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
    except (ChildFailed, PolyTaskError, TimeoutError) as failed:
        sys.exit(f"{name}: {failed}")


def _live(work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What nodes say while they are stopped would drown the progress; run_node reads these.
    sys.argv = [sys.argv[0], "--ros-args", "--log-level", "error"]
    work(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
