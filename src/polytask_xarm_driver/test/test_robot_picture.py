"""A camera's picture as an observation shows it, and the rhythm of periods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polytask_xarm_driver.robot.pace import Pace
from polytask_xarm_driver.robot.picture import fitted


def test_the_middle_is_shown_and_nothing_is_stretched():
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 8:56] = 200
    shown = fitted(picture, (12, 12))
    assert shown.shape == (12, 12, 3)
    assert np.all(shown == 200)


def test_a_pixel_is_the_mean_of_what_it_covers():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    means = picture.reshape(2, 4, 2, 4, 3).mean((1, 3))
    # Each direction is rounded by itself.
    assert np.abs(fitted(picture, (2, 2)) - means).max() <= 1.0


def test_a_picture_of_the_right_size_stays_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    assert np.array_equal(fitted(picture, (6, 8)), picture)


@given(st.lists(st.sampled_from([0.0, 0.01, 0.04, 0.06, 0.2]), min_size=1, max_size=30))
def test_a_steady_rhythm_is_never_late_and_a_late_period_counts_once(delays):
    pace = Pace(period=1.0, budget=0.05)
    pace.start(0.0)
    for number, delay in enumerate(delays, start=1):
        pace.tick(number + delay)
    assert pace.periods == len(delays)
    assert pace.late == sum(delay > 0.05 for delay in delays)
    assert pace.worst == pytest.approx(max(delays))


def test_what_lies_between_two_episodes_is_not_late():
    pace = Pace(period=1.0, budget=0.05)
    pace.start(0.0)
    pace.tick(1.0)
    pace.start(100.0)
    pace.tick(101.0)
    assert (pace.periods, pace.late) == (2, 0)
