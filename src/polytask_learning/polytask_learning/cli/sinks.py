"""Where the metrics of `polytask learn` go beside the run's own file of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from polytask_learning.cli.progress import progress
from polytask_learning.cli.tensorboard import TensorBoard
from polytask_learning.training.run_folder import METRICS, RunFolder

TENSORBOARD = "tensorboard"


class Sink(Protocol):
    """Is told metrics, all of which have `steps`, and closed when there are no more."""

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Take the metrics of an episode or of an evaluation."""

    def close(self) -> None:
        """Let go of what is held; nothing is told any more."""


class Several:
    """Several sinks as one."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Tell `sinks` in their order."""
        self._sinks = sinks

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Tell each."""
        for sink in self._sinks:
            sink(metrics)

    def close(self) -> None:
        """Close each."""
        for sink in self._sinks:
            sink.close()


def sinks_of(path: Path, steps: int) -> Several:
    """Return what shows a run at `path`, of `steps` at most: the console and TensorBoard.

    Nothing is written before the first metrics: until then there may be no run.
    """
    told = RunFolder(path).told() if (path / METRICS).exists() else ()
    best = max((line.get("evaluation/held", 0.0) for line in told), default=0.0)
    return Several([progress(steps, best), TensorBoard(path / TENSORBOARD)])
