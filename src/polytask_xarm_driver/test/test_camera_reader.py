"""Laws of the thread that reads a camera: it waits for nobody, and nobody waits for it."""

import queue
import threading
import time

import numpy as np
import pytest

from polytask_xarm_driver.camera.errors import CameraError, VideoEnded
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.reader import CameraReader, News

PATIENCE = 20.0
AGAIN = 0.01


class Script:
    """A source that does as it is told: a number is a picture, an error is raised."""

    description = "script"
    rate = 30.0
    size = (4, 6)

    def __init__(self, *openings):
        self.openings = list(openings)
        self.orders = queue.Queue()
        self.opened = self.closed = 0

    def open(self):
        opening = self.openings.pop(0) if self.openings else None
        if opening is not None:
            raise opening
        self.opened += 1
        return self

    def read(self):
        order = self.orders.get()
        if isinstance(order, Exception):
            raise order
        return Frame(np.zeros((4, 6, 3), np.uint8), order, time.monotonic())

    def close(self):
        self.closed += 1


@pytest.fixture
def read():
    """Read a script; the reader is stopped, and let go, with the test."""
    made = []

    def read(script, patience=PATIENCE):
        awake = threading.Semaphore(0)
        reader = CameraReader(script, awake.release, AGAIN)
        made.append((reader, script))
        reader.start(patience)
        return reader, awake

    yield read
    for reader, script in made:
        script.orders.put(CameraError("the test is over"))
        reader.stop()


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


def pictures(taken):
    return [what.number for what in taken if isinstance(what, Frame)]


def news(taken):
    return [what for what in taken if isinstance(what, News)]


def test_the_newest_picture_is_given_once_and_older_ones_never(read):
    script = Script()
    reader, awake = read(script)
    assert pictures(reader.take()) == []
    for number in (1, 2, 3):
        script.orders.put(number)
    for _ in range(4):
        assert awake.acquire(timeout=PATIENCE)
    assert pictures(reader.take()) == [3]
    assert reader.take() == []


def test_it_says_what_it_has_opened(read):
    reader, _ = read(Script())
    assert reader.take() == [News("script: 6 x 4 at 30 a second", 30.0)]
    assert reader.take() == []


def test_a_source_that_cannot_be_opened_is_refused_at_the_start(read):
    script = Script(CameraError("there is no such thing"))
    with pytest.raises(CameraError, match="there is no such thing"):
        read(script)


def test_a_lost_source_is_opened_again_until_it_is_there_and_each_step_is_said(read):
    script = Script(None, CameraError("still gone"), CameraError("still gone"))
    reader, _ = read(script)
    script.orders.put(1)
    script.orders.put(CameraError("the plug was pulled"))
    until(lambda: script.opened == 2)
    script.orders.put(2)
    taken = []
    until(lambda: taken.extend(reader.take()) or 2 in pictures(taken))
    assert [one.rate for one in news(taken)] == [30.0, None, None, None, 30.0]
    assert script.closed == 1


def test_pictures_and_news_are_taken_in_the_order_in_which_they_came(read):
    script = Script()
    reader, _ = read(script)
    for order in (1, 2, CameraError("the plug was pulled"), 3, 4, CameraError("again"), 5):
        script.orders.put(order)
    until(lambda: script.opened == 3 and script.orders.empty())
    taken = []
    until(lambda: taken.extend(reader.take()) or 5 in pictures(taken))
    came = [what.number if isinstance(what, Frame) else what.rate for what in taken]
    # What was opened is said before its first picture, what was lost after its last.
    assert came == [30.0, 2, None, 30.0, 4, None, 30.0, 5]


def test_the_sentence_of_a_loss_says_that_it_is_opened_again(read):
    script = Script()
    reader, _ = read(script)
    script.orders.put(CameraError("the plug was pulled"))
    until(lambda: script.opened == 2)
    texts = [one.text for one in news(reader.take())]
    assert texts[1] == "the plug was pulled; it is opened again every 0.01 s"


def test_a_video_that_has_ended_is_not_opened_again(read):
    script = Script()
    reader, _ = read(script)
    script.orders.put(VideoEnded("that was all"))
    until(lambda: not reader._thread.is_alive())
    assert [one.text for one in news(reader.take())][1:] == ["that was all"]
    assert (script.opened, script.closed) == (1, 1)


def test_a_device_that_blocks_blocks_neither_taking_nor_stopping(read):
    script = Script()
    reader, awake = read(script)
    assert pictures(reader.take()) == []
    reader.stop()
    # It wakes too late: nothing is handed on any more.
    assert awake.acquire(timeout=PATIENCE)
    script.orders.put(1)
    until(lambda: script.closed == 1)
    assert not awake.acquire(blocking=False)


def test_a_device_that_blocks_while_it_opens_does_not_keep_the_others_waiting():
    opened = threading.Event()

    class Hanging(Script):
        def open(self):
            opened.wait(PATIENCE)
            return super().open()

    script = Hanging()
    reader = CameraReader(script, lambda: None, AGAIN)
    reader.start(0.01)
    assert reader.take() == []
    opened.set()
    until(lambda: script.opened == 1)
    script.orders.put(CameraError("the test is over"))
    reader.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_the_program_is_said_and_not_passed_over(read):
    script = Script()
    reader, _ = read(script)
    script.orders.put(ZeroDivisionError("a mistake"))
    until(lambda: not reader._thread.is_alive())
    *_, last = news(reader.take())
    assert "ended by a mistake" in last.text
    assert script.closed == 1
