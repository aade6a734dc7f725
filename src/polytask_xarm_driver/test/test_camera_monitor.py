"""Laws of judging a camera by its pictures; time is handed in, so none passes here."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polytask_xarm_driver.camera.diagnosis import State
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.monitor import CameraMonitor, Expectations
from polytask_xarm_driver.camera.pace import STREAK, Pace

RATE = 30.0
RATES = st.floats(0.5, 200.0)
WINDOW = 2.0
BEGUN = 1000.0
EXPECTED = {
    "window": WINDOW,
    "minimum_share": 0.8,
    "longest_latency": 0.2,
    "start_timeout": 5.0,
    "never_repeats": True,
}


class Bench:
    """A monitor whose time is moved by hand, and which is shown pictures."""

    def __init__(self, rate=RATE, **changes):
        self.monitor = CameraMonitor(Expectations(**{**EXPECTED, **changes}), rate, BEGUN)
        self.now = BEGUN
        self.period = 1 / rate
        self.numbers = itertools.count()

    def show(self, value=None, *, after=None, latency=0.01, number=None, **moment):
        """Show a picture, a period after the one before: a new one unless its `value` is given."""
        self.now += self.period if after is None else after
        given = next(self.numbers)
        shade = given % 250 if value is None else value
        picture = np.full((4, 6, 3), shade, np.uint8)
        frame = Frame(picture, given if number is None else number, self.now, **moment)
        self.monitor.see(frame, self.now, latency)
        return self.state()

    def run(self, count, **options):
        return [self.show(**options) for _ in range(count)]

    def state(self, after=0.0):
        return self.monitor.diagnose(self.now + after).state

    @property
    def diagnosis(self):
        return self.monitor.diagnose(self.now)


@given(rate=RATES, count=st.integers(1, 60))
def test_a_camera_that_keeps_its_promise_is_good_and_its_rate_is_told(rate, count):
    bench = Bench(rate)
    assert set(bench.run(count)) == {State.GOOD}
    if count > STREAK:
        assert bench.diagnosis.rate == pytest.approx(rate)


@given(rate=RATES, count=st.integers(1, 20), promised=RATES)
def test_silence_is_told_after_three_periods_and_not_before(rate, count, promised):
    bench = Bench(promised)
    bench.run(count, after=1 / rate)
    # What is usual by now counts once it is known.
    usual = 1 / rate if count > STREAK else 0.0
    period = max(1 / promised, usual)
    assert bench.state(after=0.999 * STREAK * period) is not State.LOST
    assert bench.state(after=1.001 * STREAK * period) is State.LOST
    assert bench.monitor.diagnose(bench.now + 1.001 * STREAK * period).rate == 0.0


def test_a_camera_that_shows_nothing_is_waited_for_and_then_lost():
    bench = Bench(start_timeout=5.0)
    assert bench.state(after=4.9) is State.WAITING
    assert bench.state(after=5.1) is State.LOST
    assert bench.show(after=60.0) is State.GOOD


@pytest.mark.parametrize("good", [1, 2, 17])
def test_equal_pictures_are_told_with_the_third_of_them(good):
    bench = Bench()
    bench.run(good)
    assert bench.run(4, value=255) == [State.GOOD, State.GOOD, State.FROZEN, State.FROZEN]
    assert bench.show() is State.GOOD


def test_equal_pictures_are_no_fault_where_noise_is_not_expected():
    bench = Bench(never_repeats=False)
    assert set(bench.run(20, value=255)) == {State.GOOD}


def test_one_pixel_that_changes_is_no_freeze():
    bench = Bench()
    for number in range(10):
        bench.now += bench.period
        picture = np.zeros((4, 6, 3), np.uint8)
        picture[3, 5, 2] = number % 2
        bench.monitor.see(Frame(picture, number, bench.now), bench.now, 0.0)
        assert bench.state() is State.GOOD


@pytest.mark.parametrize("moment", ["stamp", "captured"])
@pytest.mark.parametrize("step", [0, -1])
def test_moments_that_do_not_grow_are_a_freeze_whatever_is_seen(moment, step):
    bench = Bench(never_repeats=False)
    states = [bench.show(**{moment: 100 + step * number}) for number in range(4)]
    assert states == [State.GOOD, State.GOOD, State.FROZEN, State.FROZEN]
    assert bench.show(**{moment: 200}) is State.GOOD


def test_a_clock_that_was_set_back_once_is_no_freeze():
    bench = Bench()
    stamps = [100, 101, 102, 5, 6, 7, 8]
    assert {bench.show(stamp=stamp) for stamp in stamps} == {State.GOOD}


@pytest.mark.parametrize("latency", [0.5, -0.5])
def test_three_late_pictures_in_a_row_are_told_and_one_is_not(latency):
    bench = Bench()
    assert bench.show(latency=latency) is State.GOOD
    assert bench.show() is State.GOOD
    assert bench.run(3, latency=latency) == [State.GOOD, State.GOOD, State.LATE]
    words = "in the future" if latency < 0 else "after they were taken"
    assert words in bench.diagnosis.message
    assert bench.show() is State.GOOD


def test_a_camera_that_becomes_slow_is_lost_and_then_slow_and_stays_it():
    bench = Bench(30.0)
    bench.run(90)
    assert bench.state(after=0.2) is State.LOST
    slow = []
    for _ in range(6):
        slow.append(bench.show(after=1.0))
        between = bench.state(after=0.9)
    assert set(slow) == {State.SLOW}
    # By now a second is usual, so the silence between two pictures is no loss.
    assert between is State.SLOW
    assert bench.state(after=STREAK + 0.1) is State.LOST
    assert bench.diagnosis.rate == pytest.approx(1.0)


def test_one_gap_makes_no_later_loss_harder_to_see():
    bench = Bench(30.0)
    bench.run(90)
    bench.show(after=20.0)
    assert bench.state(after=0.11) is State.LOST


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_dropped_pictures_are_the_gaps_in_the_numbers(gaps):
    bench = Bench()
    number = 7
    bench.show(number=number)
    for gap in gaps:
        number += 1 + gap
        bench.show(number=number)
    assert bench.diagnosis.dropped == sum(gaps)


def test_a_source_that_was_opened_again_counts_anew_and_drops_nothing():
    bench = Bench()
    bench.run(5)
    bench.monitor.lose("gone")
    bench.monitor.opened(RATE)
    bench.show(number=4000)
    bench.show(number=4001)
    assert bench.diagnosis.dropped == 0


def test_a_loss_is_told_at_once_with_its_cause_until_a_picture_comes():
    bench = Bench()
    bench.run(5)
    bench.monitor.lose("the plug was pulled")
    assert bench.diagnosis.state is State.LOST
    assert bench.diagnosis.message == "the plug was pulled"
    bench.monitor.opened(RATE)
    assert bench.state() is State.LOST
    assert "opened again" in bench.diagnosis.message
    assert bench.show() is not State.LOST


def test_what_the_source_promises_is_what_it_is_held_to():
    bench = Bench(30.0)
    bench.monitor.opened(5.0)
    assert set(bench.run(10, after=0.2)) == {State.GOOD}


def test_the_worst_is_told_when_there_are_several_faults():
    bench = Bench()
    assert bench.run(8, value=1, latency=1.0, after=0.1)[-1] is State.FROZEN
    assert bench.run(3, latency=1.0, after=0.1)[-1] is State.LATE
    assert bench.show(after=0.1) is State.SLOW


@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=60))
def test_a_rate_is_the_pictures_over_their_time(intervals):
    pace = Pace(WINDOW)
    arrivals = [0.0, *itertools.accumulate(intervals)]
    for arrival in arrivals:
        pace.arrive(arrival)
    kept = [one for one in arrivals if arrivals[-1] - one <= WINDOW]
    kept = arrivals[-max(len(kept), STREAK + 1) :]
    if len(arrivals) <= STREAK:
        assert pace.rate() is None
    else:
        assert pace.rate() == pytest.approx((len(kept) - 1) / (kept[-1] - kept[0]))
