"""How good an expert is, in a number, a picture and a table."""

from collections.abc import Sequence
from statistics import mean, median

from polytask_contract.success import HELD_STEPS, RULES
from polytask_learning.reports.headline import RULE, Headline
from polytask_learning.reports.markup import Markup, element, table
from polytask_learning.training.evaluate import Evaluation
from polytask_learning.training.evaluation_file import KeptEvaluation

MEANING = {
    "any": "accomplished at least once",
    "held": f"accomplished in more than {HELD_STEPS} steps",
}
WIDTH, HEIGHT = 400, 14


def verdict(shown: Headline | None) -> Markup:
    """Return the box that a report begins with."""
    if shown is None:
        text = element("p", "There is no evaluation yet.", class_="soft")
        return element("div", text, class_="card none")
    if shown.full_return:
        return element("div", element("h3", "Return"), *_return(shown), class_="card")
    return element(
        "div",
        element("h3", "Success"),
        _number(shown),
        _bar(shown.rate(RULE), shown.interval(RULE)),
        *(_by_rule(shown, rule) for rule in sorted(RULES, key=lambda rule: rule != RULE)),
        _source(shown),
        class_="card",
    )


def _return(shown: Headline) -> Sequence[Markup]:
    share = min(max(shown.earned / shown.full_return, 0.0), 1.0)
    about = f"of {shown.full_return:,.0f} in {len(shown.seeds)} episodes"
    number = element("p", f"{shown.earned:,.0f}", element("small", about), class_="number")
    return number, _bar(share, (share, share)), _source(shown)


def _number(shown: Headline) -> Markup:
    low, high = shown.interval(RULE)
    return element(
        "p",
        f"{percent(shown.rate(RULE))} %",
        element("small", f"95 % interval {percent(low)} to {percent(high)} %"),
        class_="number",
    )


def _bar(rate: float, interval: tuple[float, float]) -> Markup:
    low, high = interval
    reach = {"x": f"{WIDTH * low:.1f}", "width": f"{WIDTH * (high - low):.1f}"}
    middle = min(max(WIDTH * rate, 2), WIDTH - 2) - 2
    return element(
        "svg",
        element("rect", class_="track", x=0, y=5, width=WIDTH, height=4, rx=2),
        element("rect", class_="reach", y=3, height=8, rx=4, **reach),
        element("rect", class_="rate", x=f"{middle:.1f}", y=0, width=4, height=HEIGHT, rx=2),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"how much, and its interval, from 0 to 100 %: {percent(rate)} %",
    )


def _by_rule(shown: Headline, rule: str) -> Markup:
    low, high = shown.interval(rule)
    counted = f"{shown.successes[rule]} of {len(shown.seeds)} episodes"
    about = f" {MEANING[rule]} ({rule}), {percent(low)} to {percent(high)} %"
    return element("p", counted, element("small", about), class_="rule")


def _source(shown: Headline) -> Markup:
    where = f"seeds {shown.seeds[0]:,} to {shown.seeds[-1]:,}"
    if shown.test:
        said = (
            f"Of the best expert, after {shown.steps:,} steps, on test {where}: none of them was "
            "seen in training, none chose the expert."
        )
        return element("p", said, class_="soft")
    said = f"Of the best expert, after {shown.steps:,} steps, on validation {where}. "
    command = element("code", "polytask evaluate")
    return element(
        "p",
        said,
        "These chose it, so they flatter it; ",
        command,
        " measures it on test seeds.",
        class_="soft",
    )


def evaluations(kept: Sequence[KeptEvaluation]) -> Markup:
    """Return a table of what was measured on test seeds, and where the expert failed."""
    head = ["test seeds", *RULES, "mean return", "median return"]
    rows = []
    for one in kept:
        result = one.result
        by_rule = [counted(result, rule) for rule in RULES]
        returns = [f"{found(result.returns):,.4g}" for found in (mean, median)]
        rows.append([f"{one.seeds[0]} to {one.seeds[-1]}", *by_rule, *returns])
    most = kept[0].result
    failed = [
        str(seed) for seed, found in zip(most.seeds, most.verdicts, strict=True) if not found[RULE]
    ]
    said = f"Failed by the rule {RULE!r} on {', '.join(failed) or 'no seed'}."
    text = element("p", said, class_="soft")
    return element("div", table(rows, head, class_="counts"), text, class_="card stack")


def counted(result: Evaluation, rule: str) -> str:
    """Return how many episodes `rule` calls a success, of how many, and the rate's interval."""
    low, high = map(percent, result.interval(rule))
    return f"{result.successes(rule)} of {len(result.seeds)} ({low} to {high} %)"


def scored(result: Evaluation) -> str:
    """Return what came of a task in its suite's measure: a return, or how many successes."""
    if not result.full_return:
        return counted(result, RULE)
    low, high = map(percent, result.score_interval(RULE))
    return f"{mean(result.returns):.0f} of {result.full_return:.0f} ({low} to {high} %)"


def percent(share: float) -> str:
    """Return a share in percent: whole numbers, unless that would hide how near to an end it is."""
    # An interval ends at 1 but for what floats round.
    share = round(share, 9)
    whole = f"{100 * share:.0f}"
    hidden = whole in ("0", "100") and share not in (0.0, 1.0)
    return f"{100 * share:.1f}" if hidden else whole
