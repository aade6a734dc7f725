"""The expert: behaviour cloning first, then DrQ-v2 with an imitation term (equation 1)."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from polytask_learning.agents import losses
from polytask_learning.agents.optimiser import load_optimiser
from polytask_learning.agents.shift import shifted
from polytask_learning.compute import ComputeSettings
from polytask_learning.networks.actor import Actor
from polytask_learning.networks.critic import Critic
from polytask_learning.networks.encoder import StateEncoder
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
        *,
        actor: nn.Module | None = None,
        compute: ComputeSettings | None = None,
    ) -> None:
        """Draw the networks from `seed`; `encoder` makes observations into `features` numbers.

        They compute as `compute` says; `encoder` itself goes to that device, and so does `actor`,
        a policy of features that there is already.
        """
        self._settings, self._action_size = settings, action_size
        self._compute = compute or ComputeSettings()
        self._generator = self._compute.generator(seed)
        self.encoder = self._compute.placed(encoder)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            drawn = Actor(features, settings.hidden, action_size, layer_norm=settings.layer_norm)
            critic = Critic(
                features,
                action_size,
                settings.critic_hidden,
                layer_norm=settings.layer_norm,
                action_copies=settings.action_copies,
            )
        self.actor: nn.Module = self._compute.placed(actor or drawn)
        self.critic = self._compute.placed(critic)
        self._target = copy.deepcopy(self.critic).requires_grad_(requires_grad=False)
        # An average that follows at once is the actor itself.
        self._average = self.actor
        if settings.average_rate < 1:
            self._average = copy.deepcopy(self.actor).requires_grad_(requires_grad=False)
        self._updates, self._scale_is_known = 0, False
        seen = list(encoder.parameters())
        # Whether demonstrations that the critic learns from train the encoder by imitation, too.
        self._anchored = bool(seen) and settings.demonstrated > 0
        self._actor_optimiser = self._adam(list(self.actor.parameters()))
        self._critic_optimiser = self._adam(list(self.critic.parameters()) + seen)
        self._imitation_optimiser = self._adam(list(self.actor.parameters()) + seen)
        self._imitation_term = self._compute.compiled(self._imitation)
        self._critic_term = self._compute.compiled(self._criticism)
        self._actor_term = self._compute.compiled(self._improvement)

    def _adam(self, parameters: list[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, self._settings.learning_rate, fused=True)

    @torch.no_grad()
    def act(self, observations: Tensor, *, explore: bool) -> Tensor:
        """Return actions (B, A) for `observations`, on the CPU in float32.

        Exploring adds noise; without it, the average of the latest actors acts.
        """
        actor = self.actor if explore else self._average
        means: Tensor = actor(self.encoder(observations.to(self._compute.device)))
        if explore:
            means = losses.explored(means, self._noise(len(means), float("inf")))
        return means.cpu()

    def begin_as(self, encoder: nn.Module, actor: Actor) -> None:
        """Take over the weights of another policy with networks as large as these.

        States stay scaled as it knows them.
        """
        self._scale_is_known = True
        self.encoder.load_state_dict(encoder.state_dict())
        self.actor.load_state_dict(actor.state_dict())
        _follow(self._average, self.actor, 1.0)

    def measure(self, observations: Tensor) -> None:
        """Bring states to about the same size, as `observations` show them; pictures stay.

        So do states for who began as another policy.
        """
        if isinstance(self.encoder, StateEncoder) and not self._scale_is_known:
            self.encoder.measure(observations.to(self._compute.device))

    def imitate(self, demonstrations: Batch) -> dict[str, float]:
        """Move the actor towards the demonstrated actions; return metrics."""
        self._compute.begin_update()
        shown = self._compute.moved(demonstrations)
        loss = self._imitation_term(self._varied(shown.observation), shown.action)
        _minimise(self._imitation_optimiser, loss + self._kept())
        _follow(self._average, self.actor, 1.0)
        return _numbers({"imitation_loss": loss})

    def update(self, batch: Batch, demonstrations: Batch) -> dict[str, float]:
        """Improve critic and actor by one step each; return metrics.

        `batch` is of the replay; `demonstrations`, of which there may be none, count in the
        imitation term, and in the critic's too where the settings give them a share.
        """
        self._updates += 1
        self._compute.begin_update()
        batch, shown = self._compute.moved(batch), self._compute.moved(demonstrations)
        beside = None
        if self._settings.demonstrated:
            batch = Batch(*(torch.cat(parts) for parts in zip(batch, shown, strict=True)))
        if not self._settings.demonstrated or self._is_noisy(shown.observation):
            beside = self._varied(shown.observation)
        anchors = len(shown.action) if self._anchored else 0
        rows, metrics = self._update_critic(batch, beside, anchors)
        if self._updates > self._settings.critic_first:
            metrics |= self._update_actor(rows, len(batch.action), shown.action)
        elif anchors:
            metrics |= self._follow_encoder(rows[-anchors:], shown.action)
        _follow(self._target, self.critic, self._settings.target_rate)
        _follow(self._average, self.actor, self._settings.average_rate)
        return _numbers(metrics)

    def _shifted(self, observations: Tensor) -> Tensor:
        return shifted(observations, self._generator) if observations.dim() == 4 else observations

    def _is_noisy(self, observations: Tensor) -> bool:
        return observations.dim() == 2 and self._settings.state_noise > 0

    def _varied(self, observations: Tensor) -> Tensor:
        """Return `observations` to imitate at, never twice the same."""
        if not self._is_noisy(observations):
            return self._shifted(observations)
        width, bound = self._settings.state_noise, float("inf")
        return observations + losses.noise(observations.shape, width, bound, self._generator)

    def _noise(self, count: int, bound: float) -> Tensor:
        shape = torch.Size((count, self._action_size))
        return losses.noise(shape, self._settings.exploration, bound, self._generator)

    def _update_critic(
        self, batch: Batch, beside: Tensor | None, anchors: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return also the features of the batch's observations, and below them those `beside`.

        The last rows of the batch are `anchors`: what the encoder makes of them is to remain what
        the actor imitates by. An encoder that the critic alone leads on leaves the actor behind.
        """
        seen, ahead = map(self._shifted, (batch.observation, batch.next_observation))
        batch = batch._replace(observation=seen, next_observation=ahead)
        noise = self._noise(len(batch.action), self._settings.noise_bound)
        loss, alike, value, rows = self._critic_term(batch, beside, noise, anchors)
        _minimise(self._critic_optimiser, loss + self._settings.imitation * alike)
        return rows, {"critic_loss": loss, "value": value}

    def _follow_encoder(self, rows: Tensor, demonstrated: Tensor) -> dict[str, Tensor]:
        """Let the actor imitate by the features of now, while the critic is not worth following."""
        with self._compute.autocast():
            loss = losses.imitation_loss(self.actor(rows), demonstrated)
        # Weighed as it will be: Adam remembers how large gradients were.
        _minimise(self._actor_optimiser, self._settings.imitation * loss)
        return {"imitation_loss": loss}

    def _update_actor(self, rows: Tensor, count: int, demonstrated: Tensor) -> dict[str, Tensor]:
        noise = self._noise(count, self._settings.noise_bound)
        self.critic.requires_grad_(requires_grad=False)
        loss, better, alike = self._actor_term(rows, noise, demonstrated)
        _minimise(self._actor_optimiser, loss + self._kept())
        self.critic.requires_grad_(requires_grad=True)
        return {"actor_value": -better, "imitation_loss": alike}

    def _kept(self) -> Tensor | float:
        """Return what else the policy is trained by, whatever it learns: here nothing."""
        return 0.0

    def _imitation(self, seen: Tensor, demonstrated: Tensor) -> Tensor:
        with self._compute.autocast():
            actions = self.actor(self.encoder(seen))
        return losses.imitation_loss(actions, demonstrated)

    def _criticism(
        self, batch: Batch, beside: Tensor | None, noise: Tensor, anchors: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        # With gradients first: the copies of weights that autocast keeps would lack them.
        with self._compute.autocast():
            features = self.encoder(batch.observation)
            said = self.critic(features, batch.action)
            imitated = self.actor(features[-anchors:]) if anchors else None
            with torch.no_grad():
                ahead = self.encoder(batch.next_observation)
                values = self._target(ahead, losses.explored(self.actor(ahead), noise))
                rows = features.detach()
                if beside is not None:
                    rows = torch.cat([rows, self.encoder(beside)])
        target = losses.bellman_target(batch.reward, batch.discount, values)
        alike = said.new_zeros(())
        if imitated is not None:
            alike = losses.imitation_loss(imitated, batch.action[-anchors:])
        return losses.critic_loss(said, target), alike, said.detach().mean(), rows

    def _improvement(
        self, rows: Tensor, noise: Tensor, demonstrated: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss and its two parts; of `rows`, the last are demonstrated ones.

        Where they are a part of the batch too, the actor need not see them twice.
        """
        settings, count = self._settings, len(noise)
        with self._compute.autocast():
            means = self.actor(rows)
            values = self.critic(rows[:count], losses.explored(means[:count], noise))
        better = losses.value_loss(values, normalise=settings.normalise_value)
        alike = losses.imitation_loss(means[len(means) - len(demonstrated) :], demonstrated)
        loss = settings.value * better + settings.imitation * alike
        return loss, better.detach(), alike.detach()

    def load_policy(self, state: Mapping[str, Any]) -> None:
        """Act as the expert of a saved `state` does, without what it would learn with."""
        for name, part in (
            ("encoder", self.encoder),
            ("actor", self.actor),
            ("average", self._average),
        ):
            part.load_state_dict(state[name])

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a later update depends on."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {"updates": self._updates, "generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        for name, part in self._parts().items():
            if isinstance(part, torch.optim.Optimizer):
                load_optimiser(part, state[name])
            else:
                part.load_state_dict(state[name])
        self._updates = state["updates"]
        self._generator.set_state(state["generator"])

    def _parts(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder,
            "actor": self.actor,
            "critic": self.critic,
            "target": self._target,
            "average": self._average,
            "actor_optimiser": self._actor_optimiser,
            "critic_optimiser": self._critic_optimiser,
            "imitation_optimiser": self._imitation_optimiser,
        }


def _minimise(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
    optimiser.step()


@torch.no_grad()
def _follow(old: nn.Module, new: nn.Module, rate: float) -> None:
    """Bring the weights of `old` nearer to those of `new`, where it is another one."""
    if old is new:
        return
    torch._foreach_lerp_(list(old.parameters()), list(new.parameters()), rate)


def _numbers(metrics: Mapping[str, Tensor]) -> dict[str, float]:
    """Return `metrics` as numbers, for which a GPU is waited for once."""
    values: list[float] = torch.stack([*metrics.values()]).detach().tolist()
    return dict(zip(metrics, values, strict=True))
