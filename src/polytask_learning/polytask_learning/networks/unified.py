"""The policy of many tasks: an observation and a goal in, an action out."""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn

from polytask_learning.networks.actor import Actor
from polytask_learning.networks.encoder import PictureEncoder


class VectorGoal(nn.Module):
    """Makes features of goals that are vectors: by a layer, or leaves them as they are."""

    def __init__(self, size: int, features: int) -> None:
        """Take vectors of `size`; `features` 0 leaves them."""
        super().__init__()
        self.features = features or size
        self.layer = (
            nn.Sequential(nn.Linear(size, features), nn.LayerNorm(features), nn.Tanh())
            if features
            else nn.Identity()
        )

    def forward(self, goals: Tensor) -> Tensor:
        """Return features (K, F) of `goals` (K, size)."""
        made: Tensor = self.layer(goals)
        return made


class PictureGoal(nn.Module):
    """Makes features of goals that are pictures, by the encoder of what is seen, if there is one.

    What is seen are then several pictures at once, and the goal is so many of the same.
    """

    def __init__(self, encoder: PictureEncoder, stack: int, features: int) -> None:
        """See pictures by `encoder`, `stack` at once; `features` 0 leaves what it makes."""
        super().__init__()
        self.encoder, self._stack = encoder, stack
        self.vector = VectorGoal(encoder.features, features)
        self.features = self.vector.features

    def forward(self, goals: Tensor) -> Tensor:
        """Return features (K, F) of `goals` (K, 3, rows, columns), 0 to 255."""
        made: Tensor = self.vector(self.encoder(goals.repeat(1, self._stack, 1, 1)))
        return made


class UnifiedActor(nn.Module):
    """Acts on observations and goals, which may be of several modalities."""

    def __init__(
        self,
        encoder: nn.Module,
        goals: Mapping[str, VectorGoal | PictureGoal],
        hidden: tuple[int, ...],
        action_size: int,
        *,
        layer_norm: bool,
    ) -> None:
        """Prepare; `encoder.features` are seen, and `goals` all make as many features."""
        super().__init__()
        sizes = {one.features for one in goals.values()}
        if len(sizes) != 1:
            raise ValueError(f"goals make {sorted(sizes)} features; valid: all as many")
        self.encoder = encoder
        self.goals = nn.ModuleDict(goals)
        features = int(encoder.features) + sizes.pop()  # type: ignore[arg-type]  # an attribute
        self.actor = Actor(features, hidden, action_size, layer_norm=layer_norm)

    def forward(self, observations: Tensor, modality: str, goals: Tensor) -> Tensor:
        """Return actions (B, A); of `goals` (K, …), the first is that of the first B / K rows.

        Each goal is looked at once, however many observations it is for.
        """
        return self.acted(observations, self.goals[modality](goals))

    def acted(self, observations: Tensor, wanted: Tensor) -> Tensor:
        """Do the same for goals whose features (K, F) are known."""
        actions: Tensor = self.actor(self._features(observations, wanted))
        return actions

    def unsquashed(self, observations: Tensor, modality: str, goals: Tensor) -> Tensor:
        """Return what `forward` makes actions of by tanh."""
        return self.actor.unsquashed(self._features(observations, self.goals[modality](goals)))

    def _features(self, observations: Tensor, wanted: Tensor) -> Tensor:
        seen = self.encoder(observations)
        wanted = wanted.repeat_interleave(len(seen) // len(wanted), dim=0)
        return torch.cat([wanted, seen], dim=1)

    def with_goal(self, modality: str, goal: Tensor) -> "GoalActor":
        """Return the policy of features with one `goal` (…) of `modality` in front of it.

        It shares its weights with this one.
        """
        return GoalActor(self.actor, self.goals, modality, goal)

    def folded(self, wanted: Tensor) -> Actor:
        """Return the policy for the one goal with the features `wanted` (F,), by itself.

        What the goal adds to the first layer is the same for all observations.
        """
        linears = [layer for layer in self.actor.layers if isinstance(layer, nn.Linear)]
        hidden = tuple(layer.out_features for layer in linears[:-1])
        norms = any(isinstance(layer, nn.LayerNorm) for layer in self.actor.layers)
        first, size = linears[0], len(wanted)
        alone = Actor(first.in_features - size, hidden, linears[-1].out_features, layer_norm=norms)
        state = {name: value.clone() for name, value in self.actor.state_dict().items()}
        state["layers.0.weight"] = first.weight[:, size:].detach().clone()
        state["layers.0.bias"] = (first.bias + first.weight[:, :size] @ wanted).detach()
        alone.load_state_dict(state)
        return alone

    @property
    def size(self) -> int:
        """How many weights there are to learn."""
        return sum(prod(weights.shape) for weights in self.parameters())


class GoalActor(nn.Module):
    """A unified policy that is always asked for the same, as a policy of features alone."""

    goal: Tensor

    def __init__(self, actor: Actor, goals: nn.ModuleDict, modality: str, goal: Tensor) -> None:
        """Act as `actor` does when it is asked for `goal` by way of `goals`."""
        super().__init__()
        self.actor, self.goals, self._modality = actor, goals, modality
        self.register_buffer("goal", goal[None], persistent=False)

    @property
    def wanted(self) -> Tensor:
        """The features (1, F) of the goal."""
        features: Tensor = self.goals[self._modality](self.goal)
        return features

    def forward(self, features: Tensor) -> Tensor:
        """Return actions (B, A) for `features` (B, D)."""
        wanted = self.wanted.expand(len(features), -1)
        actions: Tensor = self.actor(torch.cat([wanted, features], dim=1))
        return actions
