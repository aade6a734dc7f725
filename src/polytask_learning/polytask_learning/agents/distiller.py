"""Behaviour distillation: one policy learns to do what each task's expert does (equation 2)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from polytask_learning.agents import losses
from polytask_learning.agents.optimiser import load_optimiser
from polytask_learning.agents.shift import shifted
from polytask_learning.agents.surgery import without_conflicts
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.lessons import Lesson
from polytask_learning.distil_settings import DistilSettings
from polytask_learning.networks.unified import UnifiedActor


class Distiller:
    """The policy of all tasks and what it is trained with.

    All chance comes from one generator, whose state is part of `state_dict`.
    """

    def __init__(
        self,
        actor: UnifiedActor,
        settings: DistilSettings,
        updates: int,
        seed: int,
        *,
        surgery: bool = False,
        compute: ComputeSettings | None = None,
    ) -> None:
        """Prepare to train `actor`, which goes to the device of `compute`, by so many `updates`.

        With `surgery`, gradients of tasks are freed of what opposes other tasks' (PCGrad).
        """
        self._settings, self._surgery = settings, surgery
        self._compute = compute or ComputeSettings()
        self._generator = self._compute.generator(seed)
        self.actor = self._compute.placed(actor)
        self._weights = list(actor.parameters())
        self._optimiser = torch.optim.Adam(self._weights, settings.learning_rate, fused=True)
        self._term = self._compute.compiled(self._errors)
        self.total, self.updates = updates, 0

    @property
    def is_finished(self) -> bool:
        """Whether all updates are done."""
        return self.updates >= self.total

    def update(self, lesson: Lesson, modality: str, goals: Tensor) -> Tensor:
        """Move the policy towards the experts of `lesson`; return each task's loss (K,).

        `goals` (K, …), of `modality`, are those of its tasks.
        """
        device = self._compute.device
        self._compute.begin_update()
        seen, wanted = (
            shifted(part, self._generator) if part.dim() == 4 else part
            for part in (lesson.observations.to(device), goals.to(device))
        )
        if seen.dim() == 2 and (width := self._settings.state_noise):
            seen = seen + losses.noise(seen.shape, width, math.inf, self._generator)
        taught = lesson.actions.to(device)
        self._optimiser.zero_grad(set_to_none=True)
        if self._surgery:
            found = self._operated(seen, modality, wanted, taught)
        else:
            found = self._term(seen, modality, wanted, taught)
            found.mean().backward()  # type: ignore[no-untyped-call]  # torch does not type it
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        self._optimiser.step()
        self.updates += 1
        return found.detach()

    def _errors(self, seen: Tensor, modality: str, goals: Tensor, taught: Tensor) -> Tensor:
        with self._compute.autocast():
            unsquashed = self.actor.unsquashed(seen, modality, goals)
        distance = self._settings.distance
        return losses.distillation_losses(unsquashed, taught, len(goals), distance)

    def _operated(self, seen: Tensor, modality: str, goals: Tensor, taught: Tensor) -> Tensor:
        """Give the weights what surgery leaves of each task's gradient; return the losses (K,)."""
        losses_found, gradients = [], []
        # Task by task: a gradient of one costs no pass over the others' steps.
        of_tasks = (part.chunk(len(goals)) for part in (seen, goals, taught))
        for observations, goal, actions in zip(*of_tasks, strict=True):
            loss = self._term(observations, modality, goal, actions)
            of_weights = torch.autograd.grad(loss, self._weights, materialize_grads=True)
            losses_found.append(loss.detach())
            gradients.append(torch.cat([one.flatten() for one in of_weights]))
        left = without_conflicts(torch.stack(gradients), self._generator)
        sizes = [weight.numel() for weight in self._weights]
        for weight, part in zip(self._weights, torch.split(left, sizes), strict=True):
            weight.grad = part.view_as(weight).contiguous()
        return torch.cat(losses_found)

    def _rate(self) -> float:
        """Return the learning rate of the present update."""
        share = self.updates / self.total if self._settings.decay else 0.0
        return self._settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a later update depends on."""
        return {
            "actor": self.actor.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.actor.load_state_dict(state["actor"])
        load_optimiser(self._optimiser, state["optimiser"])
        self._generator.set_state(state["generator"])
        self.updates = state["updates"]
