"""The expert: behaviour cloning first, then DrQ-v2 with an imitation term (equation 1)."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from polytask_learning.agents import losses
from polytask_learning.agents.shift import shifted
from polytask_learning.networks.actor import Actor
from polytask_learning.networks.critic import Critic
from polytask_learning.settings import ExpertSettings
from polytask_learning.types import Batch


class Expert:
    """One task's policy, the critic that improves it, and what both are trained with.

    All chance comes from one generator, whose state is part of `state_dict`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        action_size: int,
        settings: ExpertSettings,
        seed: int,
    ) -> None:
        """Draw the networks from `seed`; `encoder` makes observations into `features` numbers."""
        self._settings = settings
        self._generator = torch.Generator().manual_seed(seed)
        self.encoder = encoder
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor = Actor(
                features, settings.hidden, action_size, layer_norm=settings.layer_norm
            )
            self.critic = Critic(
                features,
                action_size,
                settings.critic_hidden,
                layer_norm=settings.layer_norm,
                action_copies=settings.action_copies,
            )
        self._target = copy.deepcopy(self.critic).requires_grad_(requires_grad=False)
        self._updates = 0
        seen = list(encoder.parameters())
        self._actor_optimiser = self._adam(list(self.actor.parameters()))
        self._critic_optimiser = self._adam(list(self.critic.parameters()) + seen)
        self._imitation_optimiser = self._adam(list(self.actor.parameters()) + seen)

    def _adam(self, parameters: list[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, self._settings.learning_rate, fused=True)

    @torch.no_grad()
    def act(self, observations: Tensor, *, explore: bool) -> Tensor:
        """Return actions (B, A) for `observations`; exploring adds noise."""
        means: Tensor = self.actor(self.encoder(observations))
        if not explore:
            return means
        bound = float("inf")
        return losses.explored(means, self._settings.exploration, bound, self._generator)

    def imitate(self, demonstrations: Batch) -> dict[str, float]:
        """Move the actor towards the demonstrated actions; return metrics."""
        actions = self.actor(self._see(demonstrations.observation))
        loss = losses.imitation_loss(actions, demonstrations.action)
        _minimise(self._imitation_optimiser, loss)
        return {"imitation_loss": loss.item()}

    def update(self, batch: Batch, demonstrations: Batch) -> dict[str, float]:
        """Improve critic and actor by one step each; return metrics.

        `batch` is of the replay; `demonstrations` count in the imitation term, and in the critic's
        too where the settings give them a share.
        """
        self._updates += 1
        count = len(demonstrations.action)
        if self._settings.demonstrated:
            batch = Batch(*(torch.cat(parts) for parts in zip(batch, demonstrations, strict=True)))
            features = self._see(batch.observation)
            imitated = features[-count:].detach()
        else:
            features = self._see(batch.observation)
            imitated = self._see(demonstrations.observation).detach()
        metrics = self._update_critic(batch, features)
        if self._updates > self._settings.critic_first:
            metrics |= self._update_actor(features.detach(), imitated, demonstrations.action)
        with torch.no_grad():
            pairs = zip(self._target.parameters(), self.critic.parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new, self._settings.target_rate)
        return metrics

    def _see(self, observations: Tensor) -> Tensor:
        pictures = observations.dim() == 4
        seen = shifted(observations, self._generator) if pictures else observations
        features: Tensor = self.encoder(seen)
        return features

    def _explored(self, features: Tensor) -> Tensor:
        settings = self._settings
        means = self.actor(features)
        return losses.explored(means, settings.exploration, settings.noise_bound, self._generator)

    def _update_critic(self, batch: Batch, features: Tensor) -> dict[str, float]:
        with torch.no_grad():
            ahead = self._see(batch.next_observation)
            values = self._target(ahead, self._explored(ahead))
            target = losses.bellman_target(batch.reward, batch.discount, values)
        said = self.critic(features, batch.action)
        loss = losses.critic_loss(said, target)
        _minimise(self._critic_optimiser, loss)
        return {"critic_loss": loss.item(), "value": said.mean().item()}

    def _update_actor(
        self, features: Tensor, imitated: Tensor, demonstrated: Tensor
    ) -> dict[str, float]:
        settings = self._settings
        self.critic.requires_grad_(requires_grad=False)
        values = self.critic(features, self._explored(features))
        self.critic.requires_grad_(requires_grad=True)
        better = losses.value_loss(values, normalise=settings.normalise_value)
        alike = losses.imitation_loss(self.actor(imitated), demonstrated)
        _minimise(self._actor_optimiser, settings.value * better + settings.imitation * alike)
        return {"actor_value": -better.item(), "imitation_loss": alike.item()}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a later update depends on."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {"updates": self._updates, "generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._updates = state["updates"]
        self._generator.set_state(state["generator"])

    def _parts(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder,
            "actor": self.actor,
            "critic": self.critic,
            "target": self._target,
            "actor_optimiser": self._actor_optimiser,
            "critic_optimiser": self._critic_optimiser,
            "imitation_optimiser": self._imitation_optimiser,
        }


def _minimise(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
    optimiser.step()
