"""Curves for TensorBoard, one for each metric."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class TensorBoard:
    """Event files in a folder, made with the first metrics.

    Metrics that an earlier writer left there from the same steps on are dropped, so that a run
    which goes on has one curve. The curves are a copy of what the run's own file has: learning
    must not end for them. What cannot be written is said once, and no more is tried.
    """

    def __init__(self, folder: Path) -> None:
        """Write into `folder`."""
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._failed = False

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Write a point of each curve, and bring it to the file before returning."""
        if self._failed:
            return
        try:
            self._write(metrics)
        except OSError as error:
            self._failed = True
            self._abandon()
            print(f"polytask: no curves any more in {self._folder}: {error}", file=sys.stderr)

    def close(self) -> None:
        """Close the file."""
        if self._writer and not self._failed:
            self._writer.close()
            self._writer = None

    def _abandon(self) -> None:
        """Wait for the thread that writes: its late complaint could abort the process."""
        if self._writer:
            with suppress(OSError):
                self._writer.close()

    def _write(self, metrics: Mapping[str, float]) -> None:
        steps = int(metrics["steps"])
        if self._writer is None:
            # TensorBoard's own error for a file in the way is no OSError.
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = SummaryWriter(str(self._folder), purge_step=steps)
        for name, value in metrics.items():
            if name != "steps":
                self._writer.add_scalar(name, value, steps)
        # Not later: the run's checkpoint will not tell these again.
        self._writer.flush()
