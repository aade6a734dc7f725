"""The ways in which an episode is matched with demonstrations, by name."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from polytask_learning.rewards.cost import Cost, cosine, euclidean


class Matching(NamedTuple):
    """How steps are compared, and whether transport pairs them or their place in time does."""

    cost: Cost
    transports: bool


MATCHINGS: Mapping[str, Matching] = {
    "sinkhorn_cosine": Matching(cosine, transports=True),
    "sinkhorn_euclidean": Matching(euclidean, transports=True),
    "cosine": Matching(cosine, transports=False),
    "euclidean": Matching(euclidean, transports=False),
}


def aligned(steps: int, mask: Tensor) -> Tensor:
    """Return weights (K, `steps`, T') that pair each step with the demonstrations' same step.

    `mask` (K, T') is true on the steps that each demonstration has; after its last, that one goes
    on. Each step weighs 1, as there is no mass to share.
    """
    last = mask.sum(-1, keepdim=True) - 1
    partner = torch.arange(steps, device=mask.device).minimum(last)
    return torch.nn.functional.one_hot(partner, mask.shape[-1])
