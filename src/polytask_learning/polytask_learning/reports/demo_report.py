"""The demo's page: what was asked for, what the policy did, on film, and whom it learnt from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from polytask_contract.success import wilson_interval
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.reports.headline import best_evaluation
from polytask_learning.reports.markup import Markup, element, table
from polytask_learning.reports.page import REPORT, page, section, write_page
from polytask_learning.reports.unified_report import films
from polytask_learning.training.run_folder import RunFolder


class Requested(NamedTuple):
    """A way in which a task was asked for, and how often it was done."""

    said: str
    task: str
    understood: str
    successes: int
    episodes: int


def write_demo_report(folder: Path, unified: UnifiedFolder, requested: Sequence[Requested]) -> Path:
    """Write the page of the demo in `folder`, and return its path.

    Where a task cannot be filmed, the page says why.
    """
    compute = ComputeSettings()
    compute.prepare_process()
    policy = UnifiedPolicy(unified.path, compute)
    count = len(policy.tasks)
    return write_page(
        folder,
        page(
            f"PolyTask: one policy, {count} tasks",
            _title(unified, policy),
            section("On request", _requests(requested)),
            films(policy, unified.request.goals[-1]),
            section("Whom it learnt from", _experts(folder, unified)),
        ),
    )


def _title(unified: UnifiedFolder, policy: UnifiedPolicy) -> Markup:
    count = len(policy.tasks)
    said = (
        f"Each task of the suite {unified.form.suite} was demonstrated once, learnt by an expert "
        f"of its own, and handed to one policy of {policy.actor.size:,} weights, which was then "
        "asked for all of them over ROS."
    )
    return element("header", element("h1", f"One policy, {count} tasks"), element("p", said))


def _requests(requested: Sequence[Requested]) -> Markup:
    rows = []
    for one in requested:
        low, high = wilson_interval(one.successes, one.episodes)
        done = f"{one.successes} of {one.episodes}"
        rows.append((one.said, one.understood, done, f"{low:.0%} to {high:.0%}"))
    return table(rows, ("asked for", "understood as", "done", "95 % interval"))


def _experts(folder: Path, unified: UnifiedFolder) -> Markup:
    rows = []
    for task, run in unified.current().runs.items():
        expert = RunFolder(Path(run))
        told = list(expert.told())
        best, steps = best_evaluation(told), max((line["steps"] for line in told), default=0.0)
        rate = "unknown" if best is None else f"{best['evaluation/held']:.0%}"
        rows.append((task, f"{steps:.0f}", rate, _link(folder, Path(run) / REPORT)))
    rows.append(("the policy of them all", "", "", _link(folder, unified.path / REPORT)))
    return table(rows, ("task", "steps of practice", "succeeds", "its report"))


def _link(folder: Path, path: Path) -> Markup:
    place = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
    return element("a", place, href=place)
