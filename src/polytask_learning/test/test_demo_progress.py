"""What the demo says of its progress, where there is no terminal to draw on."""

import io
from contextlib import closing
from types import SimpleNamespace

from rich.console import Console

from polytask_learning.ros.demo_progress import DemoProgress
from polytask_msgs.msg import LearningStatus

PRACTISING, WAITING = LearningStatus.LEARNING, LearningStatus.WAITING


def told(*statuses):
    """Return the lines that come of phases and their messages."""
    page = io.StringIO()
    with closing(DemoProgress("reach", Console(file=page, width=40))) as progress:
        for phase, message in statuses:
            status = LearningStatus(phase=phase, message=message, success=float("nan"), step=7)
            progress(SimpleNamespace(status=status))
    return page.getvalue().splitlines()


def test_each_phase_is_said_once():
    assert told((PRACTISING, ""), (PRACTISING, "more")) == ["  reach: practising, at step 7"]


def test_who_waits_says_what_for_once_however_often_it_tries():
    reason = "the arm has stopped: [controller] error 31: it hit something, and this is a long line"
    tries = [(PRACTISING, ""), (WAITING, reason)] * 3
    lines = told(*tries, (WAITING, "no tool pose came"))
    assert lines == [
        "  reach: practising, at step 7",
        f"  reach: waiting: {reason}",
        "  reach: waiting: no tool pose came",
    ]
