"""What a run's metrics look like over its steps."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from polytask_learning.reports.chart import Chart, Point, Series, line_chart
from polytask_learning.reports.markup import Markup

# One episode says little: success is shown as the mean of so many.
WINDOW = 20
IMITATED = "after imitation alone"

Metrics = Sequence[Mapping[str, float]]


def points(told: Metrics, name: str, scale: float = 1.0) -> list[Point]:
    """Return the steps and values of a metric, each multiplied by `scale`."""
    return [(one["steps"], scale * one[name]) for one in told if name in one]


def smoothed(found: Sequence[Point], window: int = WINDOW) -> list[Point]:
    """Return the mean of each value and of up to `window` - 1 before it."""
    sums = [0.0, *accumulate(value for _, value in found)]
    means = []
    for end, (steps, _) in enumerate(found, start=1):
        begin = max(0, end - window)
        means.append((steps, (sums[end] - sums[begin]) / (end - begin)))
    return means


def success_chart(told: Metrics, best: int | None) -> Markup | None:
    """Return how often the policy succeeded in the evaluations, None before there was one."""
    series = [
        Series("held", points(told, "evaluation/held", 100), dots=True),
        Series("any", points(told, "evaluation/any", 100), "second", dots=True),
    ]
    return _chart("Success on the validation seeds", "%", series, (told, best), (0, 100), IMITATED)


def learning_charts(told: Metrics, best: int | None, *, successes: bool) -> list[Markup]:
    """Return the other charts, but for those that there is nothing to show in yet.

    That of `successes` is left out where they are not the measure.
    """
    returns = [Series("mean", points(told, "evaluation/return"), dots=True)]
    practice = smoothed(points(told, "episode/success", 100)) if successes else []
    during = [Series(f"mean of {WINDOW} episodes", practice)]
    about = (told, best)
    charts = [
        _chart("Return on the validation seeds", "reward", returns, about, start=IMITATED),
        _chart("Success while practising, with noise", "%", during, about, (0, 100)),
        _chart("Loss of the critic", "squared error", _losses(told, "critic_loss"), about),
        _chart("Loss of imitation", "nat", _losses(told, "imitation_loss"), about),
    ]
    return [chart for chart in charts if chart]


def _losses(told: Metrics, name: str) -> list[Series]:
    found = points(told, name)
    return [
        Series("after each episode", found, "faint"),
        Series(f"mean of {WINDOW}", smoothed(found)),
    ]


def _chart(
    title: str,
    unit: str,
    series: Iterable[Series],
    about: tuple[Metrics, int | None],
    span: tuple[float, float] | None = None,
    start: str = "",
) -> Markup | None:
    told, best = about
    full = [one for one in series if one.points]
    if not full:
        return None
    end = max(one["steps"] for one in told)
    mark = None if best is None else (float(best), "best expert")
    # A ring says "before practice", where the metrics begin with that.
    ring = start if full[0].points[0][0] == 0 else ""
    return line_chart(Chart(title, unit, full, end, span, ring, mark))
