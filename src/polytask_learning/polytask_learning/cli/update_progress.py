"""How far a distillation is, on the console: a bar on a terminal, else a line now and then."""

from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from polytask_learning.cli.progress import moves

LINES = 10


class UpdateLines:
    """About LINES lines for all updates."""

    def __init__(self, updates: int) -> None:
        """Tell of so many `updates`."""
        self._updates, self._told = updates, -1

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Print a line, if the last one was long ago or this is the end."""
        tenth = int(LINES * metrics["steps"] / self._updates)
        if tenth > self._told:
            self._told = tenth
            print(f"{metrics['steps']:>7.0f} updates: loss {metrics['loss']:.2g}", flush=True)

    def close(self) -> None:
        """Do nothing: each line is out already."""


class UpdateBar:
    """A bar at the bottom of a terminal."""

    def __init__(self, updates: int, console: Console) -> None:
        """Show a bar of so many `updates`."""
        self._progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} updates"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=console,
            refresh_per_second=2,
        )
        # Not started: one that goes on says only with its first metrics where it is.
        self._task = self._progress.add_task("", total=updates, start=False, loss="")
        self._progress.start()

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Move the bar to where `metrics` are."""
        self._progress.start_task(self._task)
        loss = f"loss {metrics['loss']:.2g}"
        self._progress.update(self._task, completed=metrics["steps"], loss=loss)

    def close(self) -> None:
        """Leave the bar as it is, and give the terminal back."""
        self._progress.stop()


def update_progress(updates: int) -> UpdateLines | UpdateBar:
    """Return what suits the standard output: a bar where it is a terminal that can move one."""
    console = Console()
    return UpdateBar(updates, console) if moves(console) else UpdateLines(updates)
