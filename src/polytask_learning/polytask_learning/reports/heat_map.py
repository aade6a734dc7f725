"""How success of each task went on through a policy's life, as coloured numbers, and in words."""

from collections.abc import Sequence

from polytask_learning.distilling import metrics
from polytask_learning.distilling.unified_folder import Stage
from polytask_learning.reports.headline import RULE
from polytask_learning.reports.markup import Markup, element, joined, table
from polytask_learning.reports.standing import Standing, joined_in, tasks_of
from polytask_learning.reports.verdict import percent

# What each number of `metrics` says, in its own words.
MEANINGS = {
    "forgetting": "how far tasks are at the end below what they were when they joined, in the mean",
    "worst drop": "the same of the task that lost most",
    "backward transfer": "what tasks gained since, in the mean of those that others joined after",
    "negative backward transfer": "their mean loss over all later stages, as LIBERO counts it",
}


def heat_map(shown: Standing) -> Markup:
    """Return a table of tasks and stages, each cell the success by the best-known modality."""
    joins = joined_in(shown.stages)
    rows = [
        element(
            "tr",
            element("th", task, scope="row"),
            *(_cell(shown, stage, task, joins=joins[task]) for stage in shown.stages),
        )
        for task in tasks_of(shown.stages[-1])
    ]
    numbers = (element("th", str(stage.number), scope="col") for stage in shown.stages)
    head = element("tr", element("th", "after stage", scope="col"), *numbers)
    inner = element("table", element("thead", head), element("tbody", *rows), class_="heat")
    measure = "Return" if shown.full_return else "Success"
    said = (
        f"{measure} in % by {shown.best_known} goals on seeds {shown.seeds[0]:,} to "
        f"{shown.seeds[-1]:,}; in a frame: the stage in which the task joined."
    )
    return element("div", element("p", said, class_="soft"), element("div", inner, class_="wide"))


def _cell(shown: Standing, stage: Stage, task: str, *, joins: int) -> Markup:
    if stage.number < joins:
        return element("td", element("span", "not learnt yet", class_="unseen"), class_="empty")
    frame = ["joins"] if stage.number == joins else []
    result = shown.of(stage, shown.best_known, task)
    if result is None:
        unknown = element("span", " not evaluated", class_="unseen")
        return element("td", "?", unknown, class_=" ".join([*frame, "unknown"]))
    share = percent(result.score(RULE))
    return element("td", share, class_=" ".join(frame) or None, style=f"--share: {share}%")


def forgotten(shown: Standing) -> Markup:
    """Return what the tasks lost and gained since they joined, as far as that is known."""
    table_of = whole_table(shown)
    count, known = len(tasks_of(shown.stages[-1])), len(table_of[-1])
    if not known:
        return element("p", "No task was evaluated after every stage since it joined.")
    numbers = dict(zip(MEANINGS, _numbers(table_of), strict=True))
    rows = [
        [
            joined([name, element("small", meaning)]),
            "none yet" if numbers[name] is None else f"{numbers[name]:+.3f}",
        ]
        for name, meaning in MEANINGS.items()
    ]
    parts = [table(rows, class_="facts meanings")]
    if known < count:
        said = (
            f"Over {known} of {count} tasks: the others were not evaluated after every stage since "
            "they joined."
        )
        parts.append(element("p", said, class_="soft"))
    return element("div", *parts)


def whole_table(shown: Standing) -> list[dict[str, float]]:
    """Return a row of rates for each stage, with those tasks alone that no stage lacks."""
    rates = [shown.rates(stage, shown.best_known) for stage in shown.stages]
    known = [tasks_of(stage) for stage in shown.stages]
    whole = {
        task
        for task in known[-1]
        if all(task in found for found, tasks in zip(rates, known, strict=True) if task in tasks)
    }
    return [{task: rate for task, rate in found.items() if task in whole} for found in rates]


def _numbers(table_of: metrics.Table) -> Sequence[float | None]:
    return (
        metrics.forgetting(table_of),
        max(metrics.drops(table_of).values()),
        metrics.backward_transfer(table_of),
        metrics.negative_backward_transfer(table_of),
    )
