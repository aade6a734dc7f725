"""The online variant of lifelong learning: one policy practises a task and keeps its others.

It is an expert whose actor is the whole unified policy, asked for the new task; whatever it learns
by imitation and practice, it learns beside what its other tasks' data say (paper, appendix D).
"""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from polytask_learning.agents import losses
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.lessons import Lesson
from polytask_learning.networks.unified import UnifiedActor
from polytask_learning.settings import ExpertSettings

# What an error on old tasks weighs against one in imitating the new one.
KEEPING = 1.0


class Recalled(NamedTuple):
    """A lesson of old tasks, and their goals (K, …) of a modality."""

    lesson: Lesson
    modality: str
    goals: Tensor


class Recall(Protocol):
    """Draws from what a policy knows already."""

    def draw(self) -> Recalled:
        """Return the next lesson."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the next lesson depends on."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""


class OnlineExpert(Expert):
    """A unified policy that practises one task; a saved state also has it as a plain expert."""

    def __init__(
        self,
        unified: UnifiedActor,
        asked: tuple[str, Tensor],
        recall: Recall,
        action_size: int,
        settings: ExpertSettings,
        seed: int,
        *,
        compute: ComputeSettings | None = None,
    ) -> None:
        """Practise by `unified` itself, `asked` by a modality and a goal, keeping what to `recall`.

        `unified` sees states.
        """
        self._unified, self._asked, self._recall = unified, asked, recall
        encoder = unified.encoder
        features = int(encoder.features)  # type: ignore[arg-type]  # an attribute
        super().__init__(
            encoder,
            features,
            action_size,
            settings,
            seed,
            actor=unified.with_goal(*asked),
            compute=compute,
        )

    def measure(self, observations: Tensor) -> None:
        """Do nothing: all that the policy knows, it knows of states as they have been scaled."""

    def _kept(self) -> Tensor:
        """Return how far the policy is from what it knew of its other tasks."""
        lesson, modality, goals = self._recall.draw()
        device = self._compute.device
        with self._compute.autocast():
            actions = self._unified(lesson.observations.to(device), modality, goals.to(device))
        return KEEPING * losses.imitation_loss(actions, lesson.actions.to(device))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a later update depends on, and the policy for `load_policy`.

        `unified` has the weights of the unified policy that is judged.
        """
        whole = super().state_dict() | {"recall": self._recall.state_dict()}
        learning, judged = (self._with(whole[name]) for name in ("actor", "average"))
        return {
            "encoder": whole["encoder"],
            "actor": self._alone(learning),
            "average": self._alone(judged),
            "unified": judged.state_dict(),
            "online": whole,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        super().load_state_dict(state["online"])
        self._recall.load_state_dict(state["online"]["recall"])

    def _with(self, weights: Mapping[str, Tensor]) -> UnifiedActor:
        """Return a copy of the unified policy that acts by `weights` of a GoalActor."""
        unified = copy.deepcopy(self._unified)
        unified.with_goal(*self._asked).load_state_dict(weights)
        return unified

    @torch.no_grad()
    def _alone(self, unified: UnifiedActor) -> dict[str, Tensor]:
        """Return the weights of `unified` for the one goal, without the goal."""
        wanted = unified.with_goal(*self._asked).to(self._compute.device).wanted[0]
        return unified.folded(wanted).state_dict()
