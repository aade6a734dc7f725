"""How far a distillation is, on the console: a bar on a terminal, else a line now and then."""

import math
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from polytask_learning.cli.progress import moves
from polytask_learning.training.watch import Phase, Unwatched

LINES = 10


class UpdateLines(Unwatched):
    """About LINES lines for all updates, of which a distillation tells how many there are."""

    def __init__(self) -> None:
        """Begin before anything is known."""
        self._updates, self._told = math.inf, -1

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Take note of how many updates there are."""
        del phase, done
        self._updates = total

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Print a line, if the last one was long ago or this is the end."""
        tenth = int(LINES * metrics["steps"] / self._updates)
        if tenth > self._told:
            self._told = tenth
            print(f"{metrics['steps']:>7.0f} updates: loss {metrics['loss']:.2g}", flush=True)

    def close(self) -> None:
        """Do nothing: each line is out already."""


class UpdateBar(Unwatched):
    """A bar at the bottom of a terminal, once a distillation tells how many updates there are."""

    def __init__(self, console: Console) -> None:
        """Begin without a bar."""
        self._progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} updates"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=console,
            refresh_per_second=2,
        )
        self._progress.start()

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Show a bar of `total` updates, if there is none yet."""
        del phase, done
        if not self._progress.task_ids:
            # Not started: one that goes on says only with its first metrics where it is.
            self._progress.add_task("", total=total, start=False, loss="")

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Move the bar to where `metrics` are."""
        for task in self._progress.task_ids:
            self._progress.start_task(task)
            loss = f"loss {metrics['loss']:.2g}"
            self._progress.update(task, completed=metrics["steps"], loss=loss)

    def close(self) -> None:
        """Leave the bar as it is, and give the terminal back."""
        self._progress.stop()


def update_progress() -> UpdateLines | UpdateBar:
    """Return what suits the standard output: a bar where it is a terminal that can move one.

    It is what a distillation tells its metrics to, and what watches it.
    """
    console = Console()
    return UpdateBar(console) if moves(console) else UpdateLines()
