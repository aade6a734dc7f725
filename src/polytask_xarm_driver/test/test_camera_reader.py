"""Laws of the thread that reads a camera: it waits for nobody, and nobody waits for it."""

import queue
import threading
import time

import numpy as np
import pytest

from polytask_xarm_driver.camera.errors import CameraError, VideoEnded
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.reader import CameraReader

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


def test_the_newest_picture_is_given_once_and_older_ones_never(read):
    script = Script()
    reader, awake = read(script)
    assert reader.take() is None
    for number in (1, 2, 3):
        script.orders.put(number)
    for _ in range(4):
        assert awake.acquire(timeout=PATIENCE)
    assert reader.take().number == 3
    assert reader.take() is None


def test_it_says_what_it_has_opened(read):
    reader, _ = read(Script())
    (news,) = reader.news()
    assert (news.text, news.rate) == ("script: 6 x 4 at 30 a second", 30.0)
    assert list(reader.news()) == []


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
    until(lambda: (frame := reader.take()) is not None and frame.number == 2)
    assert [news.rate for news in reader.news()] == [30.0, None, None, None, 30.0]
    assert script.closed == 1


def test_the_sentence_of_a_loss_says_that_it_is_opened_again(read):
    script = Script()
    reader, _ = read(script)
    script.orders.put(CameraError("the plug was pulled"))
    until(lambda: script.opened == 2)
    texts = [news.text for news in reader.news()]
    assert texts[1] == "the plug was pulled; it is opened again every 0.01 s"


def test_a_video_that_has_ended_is_not_opened_again(read):
    script = Script()
    reader, _ = read(script)
    script.orders.put(VideoEnded("that was all"))
    until(lambda: not reader._thread.is_alive())
    assert [news.text for news in reader.news()][1:] == ["that was all"]
    assert (script.opened, script.closed) == (1, 1)


def test_a_device_that_blocks_blocks_neither_taking_nor_stopping(read):
    script = Script()
    reader, awake = read(script)
    assert reader.take() is None
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
    assert list(reader.news()) == []
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
    *_, last = reader.news()
    assert "ended by a mistake" in last.text
    assert script.closed == 1
