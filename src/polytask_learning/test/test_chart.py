"""Charts put points where their numbers say, and ticks where people look for them."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from polytask_learning.reports.chart import (
    BOTTOM,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    Chart,
    Series,
    label,
    line_chart,
    thinned,
    ticks,
)
from polytask_learning.reports.curves import learning_charts, smoothed, success_chart
from polytask_learning.reports.markup import Markup, element


def drawn(chart):
    return ET.fromstring(str(line_chart(chart)))  # noqa: S314  # our own markup


def places(root, kind):
    """Return where the points of a line are."""
    (line,) = [one for one in root.iter("polyline") if one.get("class") == kind]
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def test_points_lie_where_their_numbers_say():
    series = Series("s", [(0, 0), (500, 50), (1000, 100)], dots=True)
    root = drawn(Chart("Success", "%", [series], 1000, (0, 100)))
    middle = ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2)
    assert places(root, "first") == [(LEFT, BOTTOM), middle, (RIGHT, TOP)]
    dots = [(float(one.get("cx")), float(one.get("cy"))) for one in root.iter("circle")]
    assert dots == places(root, "first")


def test_the_best_and_the_start_are_marked_where_they_are():
    series = Series("s", [(0, 20), (1000, 60)])
    root = drawn(Chart("S", "%", [series], 1000, (0, 100), "before", (250.0, "best expert")))
    (best,) = [one for one in root.iter("line") if one.get("class") == "best"]
    assert float(best.get("x1")) == float(best.get("x2")) == LEFT + (RIGHT - LEFT) / 4
    (ring,) = [one for one in root.iter("circle") if one.get("class") == "ring"]
    assert (float(ring.get("cx")), float(ring.get("cy"))) == places(root, "first")[0]
    legend = [one.text or one[0].tail for one in root.iter("li")]
    assert legend == ["s", "before", "best expert"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0, 25_000, [0, 5000, 10_000, 15_000, 20_000, 25_000]),
        (-3, 1.2, [-3, -2, -1, 0, 1, 2]),
        (0.011, 0.049, [0.01, 0.02, 0.03, 0.04, 0.05]),
    ],
)
def test_ticks_are_round_and_reach_around_all(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 5.0, -2e-7, 3e8])
def test_a_constant_has_ticks_on_both_sides(value):
    found = ticks(value, value)
    assert found[0] < value < found[-1]
    assert len({label(one, found[1] - found[0]) for one in found}) == len(found)


def test_labels_differ_where_ticks_do():
    for low, high in ((0, 1), (0, 0.003), (-1, 1), (0, 123456), (99.9, 100.1)):
        found = ticks(low, high)
        steps = [right - left for left, right in pairwise(found)]
        assert len({label(one, steps[0]) for one in found}) == len(found)


def test_nothing_is_drawn_outside_of_the_frame():
    wild = Series("s", [(step, (-1) ** step * step**3) for step in range(50)], "faint")
    for x, y in places(drawn(Chart("L", "u", [wild], 49)), "faint"):
        assert LEFT <= x <= RIGHT
        assert TOP <= y <= BOTTOM


def test_long_series_are_thinned_evenly_and_keep_their_ends():
    many = [(float(step), 0.0) for step in range(5000)]
    few = thinned(many)
    assert len(few) == MOST_POINTS
    assert (few[0], few[-1]) == (many[0], many[-1])
    assert {round(right[0] - left[0]) for left, right in pairwise(few)} <= {12, 13}


def test_smoothing_is_a_mean_of_what_was_before():
    found = smoothed([(1, 0.0), (2, 1.0), (3, 1.0), (4, 0.0)], window=2)
    assert found == [(1, 0.0), (2, 0.5), (3, 1.0), (4, 0.5)]


def test_a_run_without_anything_told_has_no_charts():
    assert success_chart([], None) is None
    assert learning_charts([], None, successes=True) == []
    one = [{"steps": 0.0, "evaluation/held": 0.1, "evaluation/any": 0.2, "evaluation/return": 3.0}]
    assert success_chart(one, 0) is not None
    assert len(learning_charts(one, 0, successes=True)) == 1


def test_successes_that_are_not_the_measure_are_not_drawn():
    told = [{"steps": 0.0, "evaluation/return": 3.0, "episode/success": 0.0}]
    charts = [len(learning_charts(told, 0, successes=drawn)) for drawn in (True, False)]
    assert charts == [2, 1]


def test_text_is_escaped_and_markup_is_not():
    inner = element("b", '<&">')
    assert inner == "<b>&lt;&amp;&quot;&gt;</b>"
    outer = element("p", inner, "<i>", title='"', hidden=True, id=None)
    assert outer == f'<p title="&quot;" hidden>{inner}&lt;i&gt;</p>'
    assert isinstance(outer, Markup)


def test_names_in_a_chart_are_escaped():
    series = Series("<s>", [(0, 1), (1, 2)], dots=True)
    text = str(line_chart(Chart("<t>", "<u>", [series], 1)))
    assert not re.search("<[stu]>", text)
