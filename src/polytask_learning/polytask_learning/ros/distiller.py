"""The node `distiller`: experts in one policy, and new ones beside those that it knows."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polytask_contract.errors import UnknownName
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.relabelled_file import BrokenData
from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.request import MODALITIES, DistilRequest
from polytask_learning.distilling.teachers import UnusableTeacher
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import InvalidGoal as InvalidTaskGoal
from polytask_learning.reports.unified_report import write_unified_report
from polytask_learning.ros.compute_parameters import compute_of
from polytask_learning.ros.goal_errors import InvalidGoal, named
from polytask_learning.ros.learning_report import LearningReport
from polytask_learning.ros.long_goal_node import LongGoalNode
from polytask_learning.ros.patient_watch import PatientWatch
from polytask_learning.ros.work import Work
from polytask_learning.settings import InvalidSetting
from polytask_learning.training.checkpoint import BrokenCheckpoint
from polytask_learning.training.holding import RunBusy
from polytask_learning.training.run_folder import NoRun, OtherConfiguration
from polytask_msgs.action import Distill
from polytask_ros import names

Goal, Result = Distill.Goal, Distill.Result
OBSERVATIONS = {Goal.STATE: "state", Goal.PIXELS: "pixels"}
GOALS = dict(enumerate(MODALITIES))


class Distiller(LongGoalNode):
    """Distils as `polytask distill` and `polytask lifelong add` do."""

    action = Distill
    codes = (
        (InvalidGoal, Result.INVALID_GOAL),
        (InvalidSetting, Result.INVALID_GOAL),
        (InvalidTaskGoal, Result.INVALID_GOAL),
        (UnknownName, Result.INVALID_GOAL),
        (RunBusy, Result.BUSY),
        (NoRun, Result.NOT_LOADABLE),
        (BrokenCheckpoint, Result.NOT_LOADABLE),
        (BrokenData, Result.NOT_LOADABLE),
        (FileNotFoundError, Result.NOT_LOADABLE),
        (UnusableTeacher, Result.INCOMPATIBLE),
        (OtherConfiguration, Result.INCOMPATIBLE),
    )

    def __init__(self) -> None:
        """Open the node `distiller`; raise PolyTaskError for a bad parameter."""
        super().__init__("distiller", names.DISTILL, names.DISTILLER_STATUS)
        self._compute = compute_of(self.settings)

    def described(self, goal: Any) -> str:
        """Return what is distilled, and where."""
        experts = "expert" if len(goal.experts) == 1 else "experts"
        return f"the distillation of {len(goal.experts)} {experts} into {goal.run}"

    def compute(self, goal: Any, work: Work[Any], report: LearningReport) -> Any:
        """Distil, and write the policy's report."""
        if not goal.run:
            raise InvalidGoal("run is empty; valid: the path of a folder")
        if not goal.experts:
            raise InvalidGoal("experts is empty; valid: the folders of one run or more")
        path, runs = Path(goal.run).absolute(), [Path(one).absolute() for one in goal.experts]
        last: dict[str, float] = {}

        def tell(metrics: Mapping[str, float]) -> None:
            last.update(metrics)
            report.tell(metrics)

        watch = PatientWatch(work, report, 0.0)
        if goal.add:
            keep = self.settings["keep"] or None
            for run in runs:
                work.check()
                folder = add(path, run, tell, keep=keep, compute=self._compute, watch=watch)
        else:
            request = self._request(goal)
            folder = distil(request, runs, path, tell, compute=self._compute, watch=watch)
        write_unified_report(folder, videos=False)
        return outcome(folder, self._compute, last.get("loss", math.nan))

    def _request(self, goal: Any) -> DistilRequest:
        return DistilRequest(
            observations=named("observations", goal.observations, OBSERVATIONS),
            goals=tuple(named("modalities", one, GOALS) for one in goal.modalities),
            preset=goal.preset,
            updates=goal.updates,
            keep=self.settings["keep"],
            seed=goal.seed,
        )


def outcome(folder: UnifiedFolder, compute: ComputeSettings, error: float) -> Any:
    """Return what the newest policy of `folder` is."""
    policy = UnifiedPolicy(folder.path, compute)
    parameters = sum(weights.numel() for weights in policy.actor.parameters())
    return Result(tasks=list(policy.tasks), parameters=parameters, error=error)
