"""A unified policy, ready to act: told a goal, it does what that asks for."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polytask_contract.environment import Environment
from polytask_contract.errors import UnknownName
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.assembly import make_actor, make_book
from polytask_learning.distilling.fitting import fitting
from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.goals.book import GoalBook
from polytask_learning.goals.understanding import Understood, understood
from polytask_learning.networks.unified import UnifiedActor
from polytask_learning.training.acting import ActingPolicy


class UnifiedPolicy:
    """The policy of a stage, by default of the newest that is finished."""

    def __init__(
        self, path: Path, compute: ComputeSettings | None = None, stage: Stage | None = None
    ) -> None:
        """Load it from the run at `path`.

        Raise NoRun where there is none yet, BrokenCheckpoint where it is damaged or of another
        version, and InvalidGoal where its goals are.
        """
        self.folder = UnifiedFolder(path)
        self.stage = stage or self.folder.current()
        self._compute = compute or ComputeSettings()
        request, form = self.folder.request, self.folder.form
        self._frame_stack = self.folder.frame_stack
        with fitting(self.stage.path):
            settings = self.folder.settings
            self.book: GoalBook = make_book(request.goals, settings, self.folder.goal_image)
            self.book.load_state_dict(self.stage.goals())
            actor = make_actor(settings, request.seed, form, self._frame_stack, self.book)
            actor.load_state_dict(self.stage.best()["distiller"]["actor"])
        self.actor: UnifiedActor = self._compute.placed(actor)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it knows."""
        return self.book.tasks

    def policy_for(self, task: str, modality: str) -> ActingPolicy:
        """Return it as a policy that is shown the first goal of `task` in `modality`.

        Raise UnknownName for a task or a modality that it does not know.
        """
        if task not in self.tasks:
            raise UnknownName("task", task, self.tasks)
        return self._policy(modality, self.book.of(modality, self.tasks.index(task))[0])

    def policy_of(self, modality: str, goal: Any) -> ActingPolicy:
        """Return it as a policy that is shown `goal`, which need not be one it has learnt with.

        Raise UnknownName for a modality that it does not know, InvalidGoal for what is no goal.
        """
        return self._policy(modality, self.book.modality(modality)(goal))

    def understood(self, sentence: str) -> Understood:
        """Return which task `sentence` means; raise as `goals.understanding.understood` does."""
        return understood(self.book, sentence)

    def environment(self, task: str, seed: int = 0) -> Environment:
        """Return an environment of `task` to act in, which is the caller's to close."""
        form = self.folder.form
        return find_suite(form.suite).make(task, seed, Observations(image=form.image))

    def _policy(self, modality: str, goal: Tensor) -> ActingPolicy:
        shown = _Shown(self.actor, modality, goal[None].to(self._compute.device))
        return ActingPolicy(shown, frame_stack=self._frame_stack)


class _Shown:
    """The policy with a goal in front of it, which is looked at once."""

    def __init__(self, actor: UnifiedActor, modality: str, goal: Tensor) -> None:
        with torch.no_grad():
            self._wanted: Tensor = actor.goals[modality](goal)
        self._actor = actor

    @torch.no_grad()
    def act(self, observations: Tensor, *, explore: bool) -> Tensor:
        """Return actions (B, A) for `observations`; there is no noise to `explore` with."""
        if explore:
            raise ValueError("a unified policy does not explore")
        seen = observations.to(self._wanted.device)
        return self._actor.acted(seen, self._wanted).cpu()
