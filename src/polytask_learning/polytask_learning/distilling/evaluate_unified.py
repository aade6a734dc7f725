"""A unified policy on test seeds, task by task and goal by goal, beside its experts."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from polytask_contract.episodes.form import Form
from polytask_contract.errors import UnknownName
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.training.evaluate import evaluate
from polytask_learning.training.evaluate_run import evaluate_run
from polytask_learning.training.evaluation_file import KeptEvaluation, keep, kept
from polytask_learning.training.run_folder import NoRun, RunFolder
from polytask_learning.training.versions import versions


def evaluate_task(
    folder: UnifiedFolder,
    stage: Stage,
    task: str,
    modality: str,
    seeds: Sequence[int],
    *,
    again: bool = False,
) -> KeptEvaluation:
    """Return how the policy of `stage` does `task` on `seeds`, asked by a goal of `modality`.

    It is kept in the stage, and what is kept is returned as it is, unless asked for `again`. Raise
    what UnifiedPolicy and `find_suite` do, BrokenEvaluation where what is kept is damaged, and
    InvalidEpisode where the suite no longer is what was learnt in.
    """
    if modality not in folder.request.goals:
        raise UnknownName("modality", modality, folder.request.goals)
    part = f"{modality}/{task}"
    known = None if again else kept(stage, seeds, part)
    if known:
        return known
    compute = ComputeSettings()
    compute.prepare_process()
    policy = UnifiedPolicy(folder.path, compute, stage)
    with closing(policy.environment(task)) as environment:
        found = Form.of(environment.specification)
        found.check(folder.form, f"the suite {folder.form.suite}")
        result = evaluate(environment, policy.policy_for(task, modality), seeds)
    evaluation = KeptEvaluation(stage.best_hash(), _steps(stage), versions(), result)
    keep(stage, evaluation, part)
    return evaluation


def evaluate_teacher(
    stage: Stage, task: str, seeds: range, *, again: bool = False
) -> KeptEvaluation | None:
    """Return how the expert of `task` does on `seeds`; None where it is no longer what it was.

    What is known already is returned as it is, unless asked for `again`.
    """
    run = Path(stage.runs[task])
    (entry,) = (one for one in stage.tasks if one["task"] == task)
    try:
        if RunFolder(run).best_hash() != entry["expert"]:
            return None
    except NoRun:
        return None
    return evaluate_run(run, seeds, again=again)


def _steps(stage: Stage) -> int:
    """Return how many updates made the policy of `stage`."""
    return int(stage.best()["distiller"]["updates"])
