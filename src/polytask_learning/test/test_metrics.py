"""What is said of policies with many tasks, on tables whose answers are worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from polytask_learning.distilling import metrics

# Tasks a, b and c join one after another; a is forgotten by half, b gets better.
TABLE = (
    {"a": 1.0},
    {"a": 0.8, "b": 0.5},
    {"a": 0.5, "b": 0.7, "c": 0.9},
)


def test_effective_tasks_are_the_sum_of_rates():
    assert metrics.effective_tasks(TABLE[-1]) == pytest.approx(2.1)


def test_retention_counts_tasks_that_are_known_on_both_sides():
    assert metrics.retention({"a": 0.5, "b": 0.7}, {"a": 1.0, "c": 1.0}) == pytest.approx(0.5)
    assert metrics.retention({"a": 0.5}, {"a": 0.0}) is None
    assert metrics.retention({"a": 0.5}, {}) is None
    # A student may be better than its teachers.
    assert metrics.retention({"a": 1.0}, {"a": 0.8}) == pytest.approx(1.25)


def test_tasks_join_where_they_are_first_seen():
    assert metrics.joined(TABLE) == {"a": 0, "b": 1, "c": 2}
    assert metrics.joined(({"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 1.0})) == {"a": 0, "b": 0}


def test_what_was_forgotten_since_tasks_joined():
    assert metrics.drops(TABLE) == pytest.approx({"a": 0.5, "b": -0.2, "c": 0.0})
    assert metrics.forgetting(TABLE) == pytest.approx(0.1)
    assert metrics.backward_transfer(TABLE) == pytest.approx((-0.5 + 0.2) / 2)
    # a lost 0.2 and 0.5 later on, b -0.2.
    assert metrics.negative_backward_transfer(TABLE) == pytest.approx((0.35 - 0.2) / 2)


def test_what_has_just_begun_has_nothing_to_forget():
    assert metrics.forgetting(TABLE[:1]) == 0.0
    assert metrics.backward_transfer(TABLE[:1]) is None
    assert metrics.negative_backward_transfer(TABLE[:1]) is None


@given(some.dictionaries(some.text(min_size=1), some.floats(0, 1), min_size=1), some.integers(1, 5))
def test_a_policy_that_stays_as_it_is_forgets_nothing(rates, stages):
    table = [rates] * (stages + 1)
    assert metrics.forgetting(table) == 0.0
    assert metrics.backward_transfer(table) == 0.0
    assert metrics.negative_backward_transfer(table) == 0.0


def test_the_area_is_that_under_a_line():
    assert metrics.area([(0, 0.0), (10, 1.0)], 10) == pytest.approx(0.5)
    # After the last point it stays.
    assert metrics.area([(0, 0.0), (10, 1.0)], 20) == pytest.approx(0.75)
    # Beyond the end nothing counts.
    assert metrics.area([(0, 0.0), (10, 1.0)], 5) == pytest.approx(0.25)
    assert metrics.area([(0, 0.4)], 7) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "curve", [[], [(5, 0.5)], [(5, 0.0), (10, 1.0)], [(0, 0.0), (9, 1), (8, 1)]]
)
def test_what_is_no_curve_has_no_area(curve):
    with pytest.raises(ValueError, match=r"valid: ascending, the first at 0"):
        metrics.area(curve, 10)


@pytest.mark.parametrize("end", [0, -1])
def test_nothing_is_learnt_in_no_steps(end):
    with pytest.raises(ValueError, match=r"valid: above 0"):
        metrics.area([(0, 1.0)], end)


@given(
    some.lists(some.floats(0, 1), min_size=1, max_size=6),
    some.floats(1, 100),
    some.floats(0, 1),
)
def test_the_area_is_a_mean_success(rates, end, level):
    curve = [(10.0 * number, rate) for number, rate in enumerate(rates)]
    assert min(rates) - 1e-9 <= metrics.area(curve, end) <= max(rates) + 1e-9
    assert metrics.area([(steps, level) for steps, _ in curve], end) == pytest.approx(level)


def test_forward_transfer_is_what_was_gained_of_what_there_was_to_gain():
    alone, begun = [(0, 0.0), (10, 1.0)], [(0, 1.0)]
    assert metrics.forward_transfer(begun, alone, 10) == pytest.approx(1.0)
    assert metrics.forward_transfer(alone, alone, 10) == pytest.approx(0.0)
    assert metrics.forward_transfer([(0, 0.0)], alone, 10) == pytest.approx(-1.0)
    assert metrics.forward_transfer(begun, begun, 10) is None
