"""An episode against several demonstrations: equation 5, for the one that it matches best."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.features import pad
from polytask_learning.rewards.matching import MATCHINGS, aligned
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.rewards.sinkhorn import marginal_error, sinkhorn


class Match(NamedTuple):
    """How well an episode matches the best of its demonstrations.

    `rewards` (T,) are `scale` times those of equation 5; `demonstration` is the index of the best
    one; `distance` is equation 4, the sum of its rewards before scaling, with the sign turned.
    `marginal_error` (0 to 2) tells how far transport is from having converged.
    """

    rewards: Tensor
    demonstration: int
    distance: float
    marginal_error: float = 0.0
    scale: float = 1.0

    def metrics(self) -> dict[str, float]:
        """Return what there is to log of it."""
        return {
            "reward/distance": self.distance,
            "reward/total": -self.distance * self.scale,
            "reward/scale": self.scale,
            "reward/demonstration": float(self.demonstration),
            "reward/marginal_error": self.marginal_error,
        }


# Matches an episode as `best_match` does, wherever it computes.
Matcher = Callable[[Tensor, Sequence[Tensor], RewardSettings], Match]


@torch.no_grad()
def best_match(
    episode: Tensor, demonstrations: Sequence[Tensor], settings: RewardSettings
) -> Match:
    """Return how `episode` (T, D) matches the best of `demonstrations` (T_k, D), unscaled.

    The features are float32 or float64, of the same size, type and device; of equally good
    demonstrations the first counts. Raise InvalidFeatures for anything else, and where the rewards
    are too large for the type.
    """
    values, mask = pad(episode, demonstrations)
    matching = MATCHINGS[settings.matching]
    cost = matching.cost(episode, values)
    if matching.transports:
        plan = sinkhorn(
            cost, settings.epsilon, settings.iterations, settings.tolerance, columns=mask
        )
        errors = marginal_error(plan, mask)
    else:
        plan = aligned(len(episode), mask)
        errors = cost.new_zeros(len(cost))
    rewards = -(cost * plan).sum(-1)
    totals = rewards.sum(-1)
    best = int(totals.argmax())
    if not rewards[best].isfinite().all():
        raise InvalidFeatures(
            f"the rewards are not finite in {episode.dtype}, with features up to "
            f"{episode.abs().max():g} and an epsilon of {settings.epsilon:g}; valid: "
            "features whose distances, also when divided by epsilon, are numbers of that type"
        )
    return Match(rewards[best], best, -totals[best].item(), errors[best].item())
