"""How good a unified policy is: a number, its tasks beside their experts, and kinds of goals."""

from collections.abc import Mapping

from polytask_learning.distilling.metrics import effective_tasks, retention
from polytask_learning.distilling.unified_folder import Stage
from polytask_learning.reports.headline import RULE
from polytask_learning.reports.markup import Markup, element, joined, table
from polytask_learning.reports.reasons import by_reason
from polytask_learning.reports.standing import Experts, Standing, tasks_of
from polytask_learning.reports.verdict import percent, scored

EVALUATE = "polytask evaluate RUN --stages all"
WIDTH, HEIGHT = 200, 10


def unified_verdict(shown: Standing, stage: Stage, experts: Experts) -> Markup:
    """Return the box that a report begins with: what `shown` says of the policy of `stage`."""
    title = element("h3", "Effective tasks")
    rates = shown.rates(stage, shown.best_known)
    if not rates:
        return element("div", title, not_evaluated("There is no evaluation yet"), class_="card")
    count = len(tasks_of(stage))
    about = f"of {count} tasks" if len(rates) == count else f"of {len(rates)} tasks evaluated"
    number = element("p", tasks(effective_tasks(rates)), element("small", about), class_="number")
    lines = [
        element("p", f"{modality}: ", _against(shown.rates(stage, modality), count, experts))
        for modality in shown.modalities
    ]
    measure = f"success rates by the rule {RULE!r}"
    if shown.full_return:
        measure = f"mean returns in parts of {shown.full_return:,.0f}"
    said = (
        f"The sum of its tasks' {measure}, asked by {shown.best_known} goals, on test seeds "
        f"{shown.seeds[0]:,} to {shown.seeds[-1]:,}."
    )
    missing = [] if len(rates) == count else [not_evaluated(f"{count - len(rates)} are unknown")]
    soft = element("p", said, class_="soft")
    return element("div", title, number, *lines, soft, *missing, class_="card")


def _against(rates: Mapping[str, float], count: int, experts: Experts) -> Markup:
    if not rates:
        return joined(["not evaluated"])
    found = f"{tasks(effective_tasks(rates))} of {len(rates)}"
    both = rates.keys() & experts.rates.keys()
    share = retention(rates, experts.rates)
    if not both:
        against = ", and what the experts did is unknown"
    elif share is None:
        against = ", and the experts did none of them"
    else:
        of = "" if len(both) == count else f" where they are known, in {len(both)} tasks"
        against = f", which is {percent(share)} % of what its experts did{of}"
    return joined([found, element("small", against)])


def task_table(shown: Standing, stage: Stage, experts: Experts) -> Markup:
    """Return a table of each task: its expert, and the policy by each modality."""
    rows = []
    for task in tasks_of(stage):
        results = [shown.of(stage, modality, task) for modality in shown.modalities]
        cells = [scored(one) if one else "not evaluated" for one in results]
        expert = experts.found.get(task)
        rows.append([task, scored(expert) if expert else "unknown", *cells])
    head = ["task", "its expert", *(f"by {modality}" for modality in shown.modalities)]
    reasons = by_reason(experts.unknown)
    alone = len(reasons) == 1 and not experts.found
    notes = [
        element("p", f"Expert unknown, {reason}: {'all' if alone else names}.", class_="soft")
        for reason, names in reasons.items()
    ]
    counted = "Mean returns" if shown.full_return else "Episodes that succeeded"
    said = f"{counted}, and the 95 % interval of the rate; the same seeds for all."
    notes.insert(0, element("p", said, class_="soft"))
    return element("div", table(rows, head, class_="counts named"), *notes, class_="card")


def goal_comparison(shown: Standing, stage: Stage) -> Markup:
    """Return how many tasks are accomplished by each modality, of those known by all of them."""
    found = {modality: shown.rates(stage, modality) for modality in shown.modalities}
    names = set.intersection(*(set(rates) for rates in found.values()))
    if not names:
        return element("div", not_evaluated("No task was evaluated by all of them"), class_="card")
    rows = []
    for modality, rates in found.items():
        effective = effective_tasks({task: rates[task] for task in names})
        rows.append([modality, _bar(effective / len(names)), f"{tasks(effective)} of {len(names)}"])
    said = "Effective tasks of the same policy, asked by one kind of goal or another."
    if len(names) < len(tasks_of(stage)):
        said += f" Only the {len(names)} tasks count that were evaluated by all of them."
    text = element("p", said, class_="soft")
    return element("div", table(rows, class_="bars"), text, class_="card")


def _bar(share: float) -> Markup:
    return element(
        "svg",
        element("rect", class_="track", width=WIDTH, height=HEIGHT, rx=3),
        element("rect", class_="rate", width=f"{WIDTH * share:.1f}", height=HEIGHT, rx=3),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{percent(share)} %",
    )


def not_evaluated(what: str) -> Markup:
    """Return a sentence about what is not known, and what finds it out."""
    command = element("code", EVALUATE)
    return element("p", f"{what}; ", command, " finds that out.", class_="soft")


def tasks(effective: float) -> str:
    """Return a number of effective tasks, which need not be whole."""
    return f"{effective:.2f}".rstrip("0").rstrip(".")
