"""How far learning is, on the console: a bar on a terminal, else a line an evaluation."""

import sys
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

# What is over after so long says nothing about the speed any more [s]: episodes take long.
LATELY = 300.0


class PlainLines:
    """A line for each evaluation."""

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Print it, if `metrics` are those of an evaluation."""
        if line := evaluation_line(metrics):
            print(line, flush=True)

    def close(self) -> None:
        """Do nothing: each line is out already."""


class ProgressBar:
    """A bar at the bottom of a terminal, and above it a line for each evaluation."""

    def __init__(
        self,
        steps: int,
        best: float = 0.0,
        console: Console | None = None,
        get_time: Callable[[], float] | None = None,
    ) -> None:
        """Show a bar of `steps`, which were 0 up to now or will be told; `best` is of before."""
        self._best = best
        self._progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
            _Pace(),
            TextColumn("{task.fields[success]}"),
            console=console,
            refresh_per_second=2,
            speed_estimate_period=LATELY,
            get_time=get_time,
        )
        # Not started: a run that goes on says only with its first metrics where it is.
        self._task = self._progress.add_task("", total=steps, start=False, success="")
        self._progress.start()

    def __call__(self, metrics: Mapping[str, float]) -> None:
        """Move the bar to where `metrics` are, and say what they say of an evaluation."""
        self._progress.start_task(self._task)
        self._progress.update(self._task, completed=metrics["steps"])
        if line := evaluation_line(metrics):
            held = metrics["evaluation/held"]
            self._best = max(self._best, held)
            success = f"success {held:.0%} (best {self._best:.0%})"
            self._progress.update(self._task, success=success)
            self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bar as it is, and give the terminal back."""
        self._progress.stop()


class _Pace(ProgressColumn):
    """Steps in a second, and the time that is left if it does not end early."""

    def render(self, task: Task) -> Text:
        """Return it, empty until it is known."""
        if not task.speed or task.time_remaining is None:
            return Text("")
        return Text(f"{task.speed:.0f} steps/s, at most {_duration(task.time_remaining)} left")


def evaluation_line(metrics: Mapping[str, float]) -> str:
    """Return what an evaluation found in a line, "" for metrics of something else."""
    if "evaluation/held" not in metrics:
        return ""
    return (
        f"{metrics['steps']:>7.0f} steps: success {metrics['evaluation/held']:.0%} held, "
        f"{metrics['evaluation/any']:.0%} any, return {metrics['evaluation/return']:.1f}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def moves(console: Console) -> bool:
    """Tell whether the standard output is a terminal that can move a bar.

    Not by rich's own opinion alone, which environment variables can change.
    """
    return sys.stdout.isatty() and not console.is_dumb_terminal


def progress(steps: int, best: float) -> PlainLines | ProgressBar:
    """Return what suits the standard output: a bar where it can be moved."""
    console = Console()
    return ProgressBar(steps, best, console) if moves(console) else PlainLines()
