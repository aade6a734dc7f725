"""Metrics reach the console and TensorBoard, and never stop the learning."""

import io
import signal
import subprocess
import sys
import types

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from polytask_learning.cli import progress as progress_module
from polytask_learning.cli import tensorboard as tensorboard_module
from polytask_learning.cli.progress import PlainLines, ProgressBar, evaluation_line, progress
from polytask_learning.cli.sinks import Several, sinks_of
from polytask_learning.cli.tensorboard import TensorBoard
from polytask_learning.cli.update_progress import UpdateBar, UpdateLines
from polytask_learning.training.watch import Phase


def practice(steps, loss=0.5):
    return {"steps": float(steps), "episode/return": 3.0, "critic_loss": loss}


def evaluation(steps, held):
    rates = {"evaluation/held": held, "evaluation/any": 1.0, "evaluation/return": 36.84}
    return {"steps": float(steps), **rates}


def curve(folder, name):
    """Return the steps and values of a curve, as TensorBoard shows them."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    return [(event.step, event.value) for event in read.Scalars(name)]


def test_plain_lines_are_those_of_evaluations(capsys):
    lines = PlainLines()
    for metrics in (evaluation(0, 0.05), practice(40), evaluation(2500, 1.0)):
        lines(metrics)
    lines.close()
    assert capsys.readouterr().out == (
        "      0 steps: success 5% held, 100% any, return 36.8\n"
        "   2500 steps: success 100% held, 100% any, return 36.8\n"
    )


def a_bar(best=0.0, steps=1000):
    """Return a bar, what it is shown on, and the time of its clock, which stands still."""
    now = [0.0]
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=140, color_system=None)
    return ProgressBar(steps, best, console, lambda: now[0]), shown, now


def last_shown(bar, shown):
    shown.seek(0)
    shown.truncate()
    bar.close()
    return shown.getvalue()


def test_a_bar_shows_steps_speed_and_the_most_that_is_left():
    bar, shown, now = a_bar()
    for steps in (0, 100, 200, 300):
        bar(practice(steps))
        now[0] += 5.0
    said = last_shown(bar, shown)
    assert "300/1,000 steps" in said
    assert "20 steps/s, at most 0 min 35 s left" in said


def test_the_speed_of_a_run_that_goes_on_is_that_of_now():
    bar, shown, now = a_bar(steps=10_000)
    for steps in (9000, 9100, 9200):
        bar(practice(steps))
        now[0] += 10.0
    said = last_shown(bar, shown)
    assert "9,200/10,000 steps" in said
    assert "10 steps/s, at most 1 min 20 s left" in said


def test_a_bar_shows_the_latest_success_and_the_best_of_all():
    bar, shown, _ = a_bar(best=0.2)
    bar(evaluation(0, 0.1))
    assert "success 10% (best 20%)" in last_shown(bar, shown)
    bar, shown, _ = a_bar()
    for steps, held in ((0, 0.1), (10, 0.6), (20, 0.4)):
        bar(evaluation(steps, held))
    for steps in (0, 10, 20):
        assert f"{steps:>7} steps: success" in shown.getvalue()
    assert "success 40% (best 60%)" in last_shown(bar, shown)


@pytest.mark.parametrize(
    ("terminal", "kind", "wanted"),
    [(True, "xterm", ProgressBar), (True, "dumb", PlainLines), (False, "xterm", PlainLines)],
)
def test_only_a_terminal_that_can_move_it_gets_a_bar(monkeypatch, terminal, kind, wanted):
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("FORCE_COLOR", "1")
    output = io.StringIO()
    output.isatty = lambda: terminal
    monkeypatch.setattr(progress_module.sys, "stdout", output)
    made = progress(100, 0.0)
    made.close()
    assert type(made) is wanted


def test_a_bar_of_updates_has_as_many_as_there_are():
    shown = io.StringIO()
    bar = UpdateBar(Console(file=shown, force_terminal=True, width=140, color_system=None))
    for done in range(3):
        bar.at(Phase.DISTILLING, done, 180_000)
    bar({"steps": 250.0, "loss": 0.125})
    bar.close()
    assert "250/180,000 updates" in shown.getvalue()
    assert "loss 0.12" in shown.getvalue()


def test_a_bar_of_updates_says_nothing_where_nothing_was_done():
    shown = io.StringIO()
    UpdateBar(Console(file=shown, force_terminal=True, color_system=None)).close()
    assert "updates" not in shown.getvalue()


def test_ten_lines_tell_of_all_updates(capsys):
    lines = UpdateLines()
    for steps in range(250, 180_001, 250):
        lines.at(Phase.DISTILLING, steps - 1, 180_000)
        lines({"steps": float(steps), "loss": 0.5})
    lines.close()
    told = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert told == [250, *range(18_000, 180_001, 18_000)]


def test_durations_are_told_in_minutes_or_hours():
    assert progress_module._duration(59.6) == "1 min 00 s"
    assert progress_module._duration(3 * 3600 + 60) == "3 h 01 min"


def test_each_metric_is_a_curve(tmp_path):
    board = TensorBoard(tmp_path / "tensorboard")
    board(evaluation(0, 0.25))
    board(practice(40, 0.5))
    board(practice(80, 0.25))
    board.close()
    assert curve(tmp_path / "tensorboard", "critic_loss") == [(40, 0.5), (80, 0.25)]
    assert curve(tmp_path / "tensorboard", "evaluation/held") == [(0, 0.25)]


def test_what_was_told_is_on_disk_before_the_next_step(tmp_path):
    board = TensorBoard(tmp_path)
    board(practice(40))
    assert curve(tmp_path, "critic_loss") == [(40, 0.5)]
    board.close()


def at_second(second):
    """Return a clock that stands: TensorBoard reads files in the order of their seconds."""
    return types.SimpleNamespace(time_ns=lambda: second * 10**9)


KILLED = """
import os, signal, sys, types
from pathlib import Path
from polytask_learning.cli import tensorboard
tensorboard.time = types.SimpleNamespace(time_ns=lambda: 1000 * 10**9)
board = tensorboard.TensorBoard(Path(sys.argv[1]))
for steps in range(0, 200, 40):
    board({"steps": float(steps), "critic_loss": 1.0})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_and_goes_on_has_one_curve(tmp_path, monkeypatch):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    # Its last checkpoint was at 80 steps.
    monkeypatch.setattr(tensorboard_module, "time", at_second(2000))
    board = TensorBoard(tmp_path)
    for steps in (120, 160, 200):
        board(practice(steps, 0.5))
    board.close()
    found = [(0, 1.0), (40, 1.0), (80, 1.0), (120, 0.5), (160, 0.5), (200, 0.5)]
    assert curve(tmp_path, "critic_loss") == found
    # As often as it goes on, from the start too.
    monkeypatch.setattr(tensorboard_module, "time", at_second(3000))
    board = TensorBoard(tmp_path)
    board(practice(0, 0.25))
    board.close()
    assert curve(tmp_path, "critic_loss") == [(0, 0.25)]


def test_a_file_in_the_way_is_told_once_and_learning_goes_on(tmp_path, capsys):
    (tmp_path / "tensorboard").write_text("in the way")
    board = TensorBoard(tmp_path / "tensorboard")
    for steps in (0, 40):
        board(practice(steps))
    board.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"polytask: no curves any more in {tmp_path / 'tensorboard'}: ")


FULL = """
import resource, sys
from pathlib import Path
from polytask_learning.cli.tensorboard import TensorBoard
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
board = TensorBoard(Path(sys.argv[1]))
for steps in range(0, 1200, 40):
    board({"steps": float(steps), "critic_loss": 0.5})
board.close()
print("went on")
"""


def test_a_full_disk_is_told_once_and_learning_goes_on(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"polytask: no curves any more in {tmp_path}: ")
    whole = curve(tmp_path, "critic_loss")
    assert 1 < len(whole) < 30
    assert whole == [(40 * number, 0.5) for number in range(len(whole))]


def test_nothing_is_written_before_the_first_metrics(tmp_path, capsys):
    sinks = sinks_of(tmp_path / "run", 100)
    assert list(tmp_path.iterdir()) == []
    sinks(evaluation(0, 0.5))
    sinks.close()
    assert capsys.readouterr().out == evaluation_line(evaluation(0, 0.5)) + "\n"
    assert curve(tmp_path / "run" / "tensorboard", "evaluation/held") == [(0, 0.5)]


def test_several_sinks_are_told_and_closed_in_order():
    said = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def __call__(self, metrics):
            said.append((self.name, metrics["steps"]))

        def close(self):
            said.append((self.name, "closed"))

    several = Several([Noting("one"), Noting("other")])
    several(practice(3))
    several.close()
    assert said == [("one", 3.0), ("other", 3.0), ("one", "closed"), ("other", "closed")]
