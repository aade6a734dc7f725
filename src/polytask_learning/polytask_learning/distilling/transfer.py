"""Forward transfer: an expert of a new task that begins as the policy of the old ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form
from polytask_contract.suites import find_suite, sentences
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.settings import InvalidSetting
from polytask_learning.training.assembly import Maker, make_expert
from polytask_learning.training.request import Request

# What a policy is asked by for a task that it has not learnt yet: a sentence may mean something to
# it, numbers cannot. A picture would have to be one of the demonstrations'.
ASKED_BY = ("language", "onehot", "index")


def started_from(policy: UnifiedPolicy, request: Request) -> tuple[Request, Maker]:
    """Return `request` for an expert that begins as `policy`, and what makes the expert.

    The expert is as large as the policy. Raise as `check_alike` and `goal_for` do.
    """
    check_alike(policy, request)
    modality, goal = goal_for(policy, request.task)

    def make(
        request: Request, form: Form, compute: ComputeSettings, shown: Sequence[Episode]
    ) -> Expert:
        expert = make_expert(request, form, compute, shown)
        with torch.no_grad():
            wanted = policy.actor.goals[modality](goal[None])[0]
        expert.begin_as(policy.actor.encoder, policy.actor.folded(wanted))
        return expert

    start = policy.stage.best_hash()
    return replace(request, hidden=policy.folder.settings.hidden, start=start), make


def check_alike(policy: UnifiedPolicy, request: Request) -> None:
    """Raise InvalidSetting unless an expert that is asked for sees and is built as `policy` is."""
    folder = policy.folder
    mine, its = request.settings, folder.settings
    for name, found, valid in (
        ("suite", request.suite, folder.form.suite),
        ("observations", request.observations, folder.request.observations),
        ("frame_stack", request.frame_stack, folder.frame_stack),
        ("layer_norm", mine.layer_norm, its.layer_norm),
        ("features", mine.features, its.features),
        ("strides", mine.strides, its.strides),
    ):
        if found != valid:
            raise InvalidSetting(f"{name} is {found}; valid: {valid}, as of {folder.path}")


def goal_for(policy: UnifiedPolicy, task: str) -> tuple[str, Tensor]:
    """Return the modality and the goal that `policy` is asked for `task` by.

    Raise InvalidSetting where it takes none of ASKED_BY.
    """
    taken = [name for name in ASKED_BY if name in policy.book.modalities]
    if not taken:
        found, valid = ", ".join(policy.book.modalities), ", ".join(ASKED_BY)
        raise InvalidSetting(f"the goals of {policy.folder.path} are {found}; valid: {valid}")
    modality = taken[0]
    if task in policy.tasks:
        return modality, policy.book.of(modality, policy.tasks.index(task))[0]
    meant: Any = len(policy.tasks)
    if modality == "language":
        meant = sentences(find_suite(policy.folder.form.suite), task)[0]
    return modality, policy.book.modality(modality)(meant)
