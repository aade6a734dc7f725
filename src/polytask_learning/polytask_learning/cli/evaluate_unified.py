"""What `polytask evaluate` does with a unified policy: every task, by every kind of goal."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from polytask_contract.errors import UnknownName

if TYPE_CHECKING:
    from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
    from polytask_learning.training.evaluation_file import KeptEvaluation

RULE = "held"


class Row(NamedTuple):
    """How a policy did a task when it was asked by a goal of a modality, and how its expert did.

    `expert` is None where the expert's run is gone, or has another expert now.
    """

    stage: int
    task: str
    modality: str
    found: "KeptEvaluation"
    expert: "KeptEvaluation | None"


class Asked(NamedTuple):
    """A policy, and the kinds of goals that it is to be asked by."""

    folder: "UnifiedFolder"
    goals: tuple[str, ...]


def asked_of(path: Path, goals: Sequence[str]) -> Asked:
    """Return the policy at `path`, to be asked by `goals`, or by all that it takes if none.

    Raise NoRun where there is no policy yet, UnknownName for goals that it does not take.
    """
    from polytask_learning.distilling.unified_folder import UnifiedFolder  # noqa: PLC0415

    folder = UnifiedFolder(path)
    folder.current()
    taken = folder.request.goals
    for name in goals:
        if name not in taken:
            raise UnknownName("kind of goal", name, [f"{one} of {path}" for one in taken])
    return Asked(folder, tuple(dict.fromkeys(goals)) or taken)


def evaluate_unified(asked: Asked, seeds: range, options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate a policy, print what was found, and return it for JSON."""
    folder, goals = asked
    newest = folder.current()
    finished = [stage for stage in folder.stages() if stage.has_best]
    stages = finished if options.stages == "all" else [newest]
    rows = []
    for row in _rows(folder, stages, goals, seeds, again=options.again):
        rows.append(row)
        print(_told(row), flush=True)
    summaries = [_summary(rows, name, newest.number) for name in goals]
    for summary in summaries:
        print(_said(summary))
    return {"run": str(folder.path), "rows": list(map(_json, rows)), "goals": summaries}


def _rows(
    folder: "UnifiedFolder",
    stages: "list[Stage]",
    goals: tuple[str, ...],
    seeds: range,
    *,
    again: bool,
) -> Iterator[Row]:
    from polytask_learning.distilling.evaluate_unified import (  # noqa: PLC0415
        evaluate_task,
        evaluate_teacher,
    )

    experts: dict[str, KeptEvaluation | None] = {}
    for stage in stages:
        for one in stage.tasks:
            if one["task"] not in experts:
                found = evaluate_teacher(stage, one["task"], seeds, again=again)
                experts[one["task"]] = found
            expert = experts[one["task"]]
            for modality in goals:
                found = evaluate_task(folder, stage, one["task"], modality, seeds, again=again)
                yield Row(stage.number, one["task"], modality, found, expert)


def _told(row: Row) -> str:
    result = row.found.result
    low, high = result.score_interval(RULE)
    expert = "unknown" if row.expert is None else f"{row.expert.result.score(RULE):.0%}"
    came = f"{result.successes(RULE):>3} of {len(result.seeds)} succeeded"
    if result.full_return:
        came = f"return {mean(result.returns):.0f} of {result.full_return:.0f}"
    return (
        f"stage {row.stage}  {row.task:<26} {row.modality:<9} {came}: {result.score(RULE):>4.0%}, "
        f"95 % interval {low:.0%} to {high:.0%}; its expert {expert}"
    )


def _summary(rows: list[Row], modality: str, newest: int) -> dict[str, Any]:
    """Return the numbers about a modality: of the newest stage, and of all that were evaluated."""
    from polytask_learning.distilling import metrics  # noqa: PLC0415

    mine = [row for row in rows if row.modality == modality]
    numbers = sorted({row.stage for row in mine})
    table = [
        {row.task: row.found.result.score(RULE) for row in mine if row.stage == number}
        for number in numbers
    ]
    experts = {
        row.task: row.expert.result.score(RULE)
        for row in mine
        if row.stage == newest and row.expert is not None
    }
    summary: dict[str, Any] = {
        "modality": modality,
        "effective_tasks": metrics.effective_tasks(table[-1]),
        "tasks": len(table[-1]),
        "experts": len(experts),
        "retention": metrics.retention(table[-1], experts),
    }
    if len(table) > 1:
        summary |= {
            "forgetting": metrics.forgetting(table),
            "worst_drop": max(metrics.drops(table).values()),
            "backward_transfer": metrics.backward_transfer(table),
            "negative_backward_transfer": metrics.negative_backward_transfer(table),
        }
    return summary


def _said(summary: Mapping[str, Any]) -> str:
    kept, known, tasks = (summary[name] for name in ("retention", "experts", "tasks"))
    where = "" if known in (0, tasks) else f" in the {known} whose experts are known"
    said = [
        f"{summary['modality']}: {summary['effective_tasks']:.2f} of {tasks} effective tasks, "
        f"{'unknown' if kept is None else f'{kept:.1%}'} of the experts'{where}"
    ]
    if "forgetting" in summary:
        names = ("forgetting", "worst_drop", "backward_transfer", "negative_backward_transfer")
        told = [
            f"{name.replace('_', ' ')} {summary[name]:+.3f}"
            for name in names
            if summary[name] is not None
        ]
        said.append(", ".join(told))
    return "; ".join(said)


def _json(row: Row) -> dict[str, Any]:
    from polytask_learning.training.evaluation_file import as_json  # noqa: PLC0415

    expert = None if row.expert is None else as_json(row.expert)
    return row._asdict() | {"found": as_json(row.found), "expert": expert}
