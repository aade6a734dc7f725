"""Curves for TensorBoard, one for each metric."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

SECOND = 10**9


class TensorBoard:
    """Event files in a folder, made with the first metrics.

    Metrics that an earlier writer left there from the same steps on are dropped, so that a run
    which goes on has one curve. The curves are a copy of what the run's own file has: learning
    must not end for them. What cannot be written is said once, and no more is tried.

    All is written in the caller's thread. torch's SummaryWriter has a thread of its own, which
    complains of a full disk on the console, and aborts the process if that ends meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        """Write into `folder`."""
        self._folder = folder
        self._file: Any = None
        self._failed = False

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Write a point of each curve, and bring it to the file before returning."""
        if self._failed:
            return
        try:
            self._write(metrics)
        except OSError as error:
            self._failed = True
            print(f"polytask: no curves any more in {self._folder}: {error}", file=sys.stderr)

    def close(self) -> None:
        """Close the file."""
        if self._file and not self._failed:
            self._file.close()
            self._file = None

    def _write(self, metrics: Mapping[str, float]) -> None:
        steps = int(metrics["steps"])
        if self._file is None:
            self._open(steps)
        points = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
            if name != "steps"
        ]
        self._add(step=steps, summary=Summary(value=points))
        # Not later: the run's checkpoint will not tell these again.
        self._file.flush()

    def _open(self, steps: int) -> None:
        """Begin a file; readers take a folder's files in the order of their seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        second, rest = divmod(time.time_ns(), SECOND)
        name = f"events.out.tfevents.{second:010}.{socket.gethostname()}.{os.getpid()}.{rest}"
        self._file = RecordWriter((self._folder / name).open("xb"))
        self._add(file_version="brain.Event:2")
        self._add(step=steps, session_log=SessionLog(status=SessionLog.START))

    def _add(self, **what: Any) -> None:
        event = Event(wall_time=time.time_ns() / SECOND, **what)
        self._file.write(event.SerializeToString())
