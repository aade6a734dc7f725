"""What it costs to take a step of an episode for a step of a demonstration: c in equation 4."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

# Features (T, D) of an episode, or (K, T, D), and (K, T', D) of demonstrations to costs (K, T, T').
Cost = Callable[[Tensor, Tensor], Tensor]


def cosine(episode: Tensor, demonstrations: Tensor) -> Tensor:
    """Return one less the cosine of the angle between two steps' features: 0 to 2.

    Features of length 0 have no direction and cost 1.
    """
    cosines = normalize(episode, dim=-1) @ normalize(demonstrations, dim=-1).mT
    # Rounding takes a cosine beyond 1, and a cost below 0 would be a reward.
    return (1 - cosines).clamp(min=0)


def euclidean(episode: Tensor, demonstrations: Tensor) -> Tensor:
    """Return the distance between two steps' features, in the features' unit."""
    # The matrix product is many times as fast as differences, but it needs the digits: in 32 bits
    # features of length 20 would be up to 0.02 from themselves.
    distances = torch.cdist(
        episode.double(), demonstrations.double(), compute_mode="use_mm_for_euclid_dist"
    )
    return distances.to(episode.dtype)
