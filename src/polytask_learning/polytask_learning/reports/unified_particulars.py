"""What a unified policy was made of, and how each stage of its life was learnt."""

from collections.abc import Mapping, Sequence
from typing import Any

from polytask_learning.distil_settings import DISTANCES
from polytask_learning.distilling.unified_folder import Stage
from polytask_learning.reports.chart import Chart, Series, line_chart
from polytask_learning.reports.curves import points
from polytask_learning.reports.markup import Markup, element, table
from polytask_learning.reports.page import card, pair
from polytask_learning.reports.particulars import facts
from polytask_learning.reports.standing import joined_in, tasks_of
from polytask_learning.reports.unified_commands import given
from polytask_learning.training.run_folder import MADE_WITH


def loss_charts(stages: Sequence[Stage], distance: str) -> list[Markup]:
    """Return a chart of the loss of each stage that has told of it, which counts `distance`."""
    return [chart for stage in stages if (chart := _chart(stage, DISTANCES[distance]))]


def _chart(stage: Stage, unit: str) -> Markup | None:
    told = list(stage.told())
    total = points(told, "loss")
    if not total:
        return None
    # All are of one kind, which the legend has once.
    faint = [
        Series(task, found, "faint", listed="" if place else "each task")
        for place, task in enumerate(tasks_of(stage))
        if (found := points(told, f"loss/{task}"))
    ]
    series = [*faint, Series("all tasks", total)]
    # Nothing is left of a loss that a logarithm has no place for.
    log = all(loss > 0 for one in series for _, loss in one.points)
    count = len(tasks_of(stage))
    title = f"Stage {stage.number}, {count} task{'s' if count != 1 else ''}"
    return line_chart(Chart(title, unit, series, total[-1][0], log=log))


def unified_particulars(manifest: Mapping[str, Any], stages: Sequence[Stage]) -> Markup:
    """Return the configuration, the versions, and the tasks with their goals and experts."""
    left = [facts("Asked for", given(manifest["request"]))]
    left += [facts("Computed on", manifest["compute"])] if "compute" in manifest else []
    left += [facts("Versions", manifest.get(MADE_WITH, {}))]
    settings = facts("Settings", manifest.get("settings", {}))
    both = pair(pair(*left, class_="stack"), pair(settings, class_="stack"))
    return pair(both, *([_tasks(stages)] if stages else []), class_="stack")


def _tasks(stages: Sequence[Stage]) -> Markup:
    joins = joined_in(stages)
    rows = [
        [
            entry["task"],
            str(joins[entry["task"]]),
            _goals(entry),
            f"{entry['steps']:,}",
            element("code", entry["expert"][:12], title=entry["expert"]),
        ]
        for entry in stages[-1].tasks
    ]
    head = ["task", "joined in stage", "goals", "expert's actions", "expert's SHA-256"]
    return card("Tasks", table(rows, head, class_="named sentences"))


def _goals(task: Mapping[str, Any]) -> str:
    pictures = len(task["pictures"])
    shown = [f"{pictures} picture{'s' if pictures != 1 else ''}"] if pictures else []
    return "; ".join([*task["sentences"], *shown]) or "its number"
