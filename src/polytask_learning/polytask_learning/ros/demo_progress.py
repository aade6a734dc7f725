"""What the demo says on the console while something long goes on."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from polytask_learning.cli.progress import moves
from polytask_msgs.msg import LearningStatus

DOING = {
    LearningStatus.CLONING: "imitating",
    LearningStatus.LEARNING: "practising",
    LearningStatus.EVALUATING: "evaluating",
    LearningStatus.RELABELLING: "keeping what a teacher needs",
    LearningStatus.DISTILLING: "distilling",
    LearningStatus.WAITING: "waiting",
}


class DemoProgress:
    """Follows the LearningStatus of one goal: a bar on a terminal, else a line for each news.

    Who waits tries again and again; only what for is news then.
    """

    def __init__(self, name: str, console: Console) -> None:
        """Follow what is called `name`; nothing is shown before the first status."""
        self._name, self._console = name, console
        self._bar = _bar(console) if moves(console) else None
        self._task = self._bar.add_task(name, total=None, what="") if self._bar else None
        self._said = self._waited = ""
        if self._bar:
            self._bar.start()

    def __call__(self, feedback: Any) -> None:
        """Show where the status in `feedback` says that the work is."""
        status = feedback.status
        doing = DOING.get(status.phase, "")
        judged = "" if status.success != status.success else f", success {status.success:.0%}"
        if self._bar is not None and self._task is not None:
            what = f"{doing}{judged} {status.message}".strip()
            self._bar.update(self._task, completed=status.step, total=status.total_steps, what=what)
            return
        if status.phase == LearningStatus.WAITING:
            if status.message != self._waited:
                self._waited = status.message
                self._print(f"{doing}: {status.message}")
            return
        news = f"{doing}{judged}"
        if news.strip() and news != self._said:
            self._said = news
            self._print(f"{news}, at step {status.step}")

    def _print(self, text: str) -> None:
        line = f"  {self._name}: {text}"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bar as it is, and give the terminal back."""
        if self._bar is not None:
            self._bar.stop()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:3.0f}%"),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        refresh_per_second=4,
    )
