"""A line chart as SVG: series over steps, with ticks that people can read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from polytask_learning.reports.markup import Markup, element, joined

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 50.0, 386.0, 10.0, 190.0
TICKS = 5
# Nobody sees more of them at this width, and the file stays small.
MOST_POINTS = 400

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points (x, y), in order of x; `kind` is a style: first, second or faint.

    `listed` is what the legend calls it, its name if None, and "" leaves it out.
    """

    name: str
    points: Sequence[Point]
    kind: str = "first"
    dots: bool = False
    listed: str | None = None


@dataclass(frozen=True)
class Chart:
    """What to draw. `unit` is that of y; `x_end` is where the axis of x ends.

    `span` is the range of y that is shown at least, `start` the name of a ring around the first
    points, "" for none, `best` a place on x that is marked, and its name. With `log` equal ratios
    of y, which must be above 0, are equally far apart.
    """

    title: str
    unit: str
    series: Sequence[Series]
    x_end: float
    span: tuple[float, float] | None = None
    start: str = ""
    best: tuple[float, str] | None = None
    log: bool = False


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Return about `count` round numbers, evenly spaced, that reach from `low` to `high`."""
    if not high > low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of 10 from `low` or less to `high` or more."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def label(value: float, step: float) -> str:
    """Return `value` as a tick among others `step` apart says it."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:,.{decimals}f}"


@dataclass(frozen=True)
class Frame:
    """Where numbers lie in the picture."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def place(self, point: Point) -> Point:
        """Return where `point` lies, in units of the picture."""
        x_low, x_high = self.x
        y_low, y_high, y = map(self._height, (*self.y, point[1]))
        right = LEFT + (RIGHT - LEFT) * (point[0] - x_low) / (x_high - x_low)
        down = BOTTOM - (BOTTOM - TOP) * (y - y_low) / (y_high - y_low)
        return right, down

    def _height(self, value: float) -> float:
        return math.log10(value) if self.log else value


def line_chart(chart: Chart) -> Markup:
    """Return `chart` as a figure with its title and legend; its series must have a point."""
    values = [y for series in chart.series for _, y in series.points]
    low, high = chart.span or (min(values), max(values))
    if not (chart.span or chart.log) and 0 < low < high / 2:
        low = 0.0
    across = log_ticks(low, high) if chart.log else ticks(low, high)
    end = max(chart.x_end, *(x for series in chart.series for x, _ in series.points), 1.0)
    frame = Frame((0.0, end), (across[0], across[-1]), chart.log)
    drawing = element(
        "svg",
        _grid(frame, across, [tick for tick in ticks(0.0, end) if tick <= end]),
        *([_best(frame, chart.best[0])] if chart.best else []),
        *(_line(frame, one) for one in chart.series),
        *([_ring(frame, one.points[0]) for one in chart.series] if chart.start else []),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{chart.title} [{chart.unit}] over steps",
    )
    title = element("figcaption", chart.title, element("small", f" [{chart.unit}]"))
    return element("figure", title, drawing, _legend(chart), class_="chart")


def _grid(frame: Frame, across: Sequence[float], along: Sequence[float]) -> Markup:
    parts = []
    for tick in across:
        _, y = frame.place((frame.x[0], tick))
        step = tick if frame.log else across[1] - across[0]
        parts.append(element("line", class_="grid", x1=LEFT, x2=RIGHT, y1=_n(y), y2=_n(y)))
        text = label(tick, step)
        parts.append(element("text", text, x=LEFT - 10, y=_n(y + 4), text_anchor="end"))
    for tick in along:
        x, _ = frame.place((tick, frame.y[0]))
        step = along[1] - along[0] if len(along) > 1 else 1.0
        text = label(tick, step) + (" steps" if tick == 0 else "")
        anchor = "start" if tick == 0 else "end" if x > RIGHT - 16 else "middle"
        parts.append(element("line", class_="axis", x1=_n(x), x2=_n(x), y1=BOTTOM, y2=BOTTOM + 4))
        place = {"start": LEFT, "end": RIGHT + 8}.get(anchor, x)
        parts.append(element("text", text, x=_n(place), y=BOTTOM + 18, text_anchor=anchor))
    parts.append(element("line", class_="axis", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM))
    return joined(parts)


def _line(frame: Frame, series: Series) -> Markup:
    points = thinned(series.points)
    places = [frame.place(point) for point in points]
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in places)
    parts = [element("polyline", element("title", series.name), points=path, class_=series.kind)]
    if series.dots or len(places) == 1:
        for (steps, value), (x, y) in zip(points, places, strict=True):
            said = element("title", f"{series.name}, {steps:,.0f} steps: {value:.4g}")
            parts.append(element("circle", said, cx=_n(x), cy=_n(y), r=3, class_=series.kind))
    return joined(parts)


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Return at most MOST_POINTS of `points`, evenly, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[number * last // (MOST_POINTS - 1)] for number in range(MOST_POINTS)]


def _ring(frame: Frame, point: Point) -> Markup:
    x, y = frame.place(point)
    return element("circle", cx=_n(x), cy=_n(y), r=6, class_="ring")


def _best(frame: Frame, steps: float) -> Markup:
    x, _ = frame.place((steps, frame.y[0]))
    return element("line", class_="best", x1=_n(x), x2=_n(x), y1=TOP, y2=BOTTOM)


def _legend(chart: Chart) -> Markup:
    named = ((one.kind, one.name if one.listed is None else one.listed) for one in chart.series)
    shown = [(kind, name) for kind, name in named if name]
    shown += [("ring", chart.start)] if chart.start else []
    shown += [("best", chart.best[1])] if chart.best else []
    return element(
        "ul",
        *(element("li", element("i", class_=kind), name) for kind, name in shown),
        class_="legend",
    )


def _n(value: float) -> str:
    return f"{value:.1f}"
