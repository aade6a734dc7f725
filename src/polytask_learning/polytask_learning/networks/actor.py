"""The policy: features in, actions within [-1, 1] out."""

import itertools

import torch
from torch import Tensor, nn

from polytask_learning.networks.precise import through


class Actor(nn.Module):
    """A perceptron whose outputs are squashed by tanh."""

    def __init__(
        self, features: int, hidden: tuple[int, ...], action_size: int, *, layer_norm: bool
    ) -> None:
        """Prepare for `features` numbers and actions of `action_size`."""
        super().__init__()
        sizes = (features, *hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers.append(nn.Linear(before, after))
            if layer_norm:
                layers.append(nn.LayerNorm(after))
            layers.append(nn.ReLU())
        layers.append(nn.Linear(sizes[-1], action_size))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return actions (B, action_size) for `features` (B, features)."""
        return torch.tanh(self.unsquashed(features))

    def unsquashed(self, features: Tensor) -> Tensor:
        """Return what becomes actions by tanh: of actions near their bounds it says more."""
        return through(self.layers, features)
