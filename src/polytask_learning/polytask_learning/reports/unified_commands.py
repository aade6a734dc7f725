"""The command lines that make a unified policy again, stage by stage."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polytask_learning.distilling.unified_folder import Stage
from polytask_learning.reports.commands import FLAGS as EXPERT_FLAGS
from polytask_learning.reports.commands import compute_words, words
from polytask_learning.reports.standing import joined_in, tasks_of
from polytask_learning.training.run_folder import NoRun, RunFolder

# What a request calls a thing, and what `polytask distill` calls it.
FLAGS = {
    "observations": "--obs",
    "preset": "--preset",
    "updates": "--updates",
    "keep": "--keep",
    "seed": "--seed",
}
# Of an expert's, what `polytask lifelong practise` takes: the rest is the policy's.
PRACTICE_FLAGS = {
    name: EXPERT_FLAGS[name]
    for name in ("task", "demonstrations", "reward", "preset", "steps", "seed", "evaluate_every")
}
LISTS = {"goals": "--goal", "hidden": "--hidden"}
RUN = "runs/unified"


def unified_commands(
    manifest: Mapping[str, Any], stages: Sequence[Stage], seeds: Sequence[int]
) -> list[str]:
    """Return what to type: distill, add or practise what joined later, evaluate, report.

    Experts are where they were then, and the policy where the commands put it by themselves; it is
    evaluated on `seeds`.
    """
    joins = joined_in(stages)
    first = stages[0].runs
    later = [
        (stage, task, stage.runs[task])
        for stage in stages[1:]
        for task in tasks_of(stage)
        if joins[task] == stage.number
    ]
    asked = _asked(manifest["request"]) + compute_words(manifest.get("compute", {}))
    tested = ["--episodes", str(len(seeds)), "--seed", str(seeds[0]), "--stages", "all"]
    return [
        shlex.join(["polytask", *typed])
        for typed in (
            ["distill", "--runs", *first.values(), *asked, "--output", RUN],
            *(_joining(task, Path(run), stage) for stage, task, run in later),
            ["evaluate", RUN, *tested],
            ["report", RUN],
        )
    ]


def _joining(task: str, run: Path, stage: Stage) -> list[str]:
    if not stage.joined_by_practice:
        asked = words({"keep": "--keep"}, given(stage.manifest))
        asked += compute_words(stage.manifest.get("compute", {}))
        return ["lifelong", "add", "--run", RUN, "--expert", str(run), *asked]
    try:
        manifest = RunFolder(run).manifest
    except NoRun:
        # It was taken away, and with it what else was asked for.
        manifest = {"request": {"task": task}}
    asked = words(PRACTICE_FLAGS, manifest["request"]) + compute_words(manifest.get("compute", {}))
    return ["lifelong", "practise", "--run", RUN, *asked]


def _asked(request: Mapping[str, Any]) -> list[str]:
    asked = given(request)
    lists = [
        word
        for name, flag in LISTS.items()
        if name in asked
        for word in (flag, *map(str, asked[name]))
    ]
    surgery = ["--pcgrad"] if asked.get("surgery") else []
    return lists + words(FLAGS, asked) + surgery


def given(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request asks for: what is 0 or empty in it is left to its preset."""
    return {name: value for name, value in request.items() if name == "seed" or value}
