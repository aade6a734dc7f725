"""The value of an action: two networks, so that the smaller one can be believed."""

import torch
from torch import Tensor, nn

from polytask_learning.networks.ensemble import EnsembleMlp

TWINS = 2


class Critic(nn.Module):
    """Twin networks of features and an action."""

    def __init__(
        self,
        features: int,
        action_size: int,
        hidden: tuple[int, ...],
        *,
        layer_norm: bool,
        action_copies: int = 1,
    ) -> None:
        """Prepare; `action_copies` repeats the action, so that many features do not drown it."""
        super().__init__()
        self._copies = action_copies
        inputs = features + action_copies * action_size
        self.twins = EnsembleMlp(TWINS, inputs, hidden, 1, layer_norm=layer_norm)

    def forward(self, features: Tensor, actions: Tensor) -> Tensor:
        """Return both values (2, B, 1) of `actions` (B, A) where `features` (B, F) are seen."""
        values: Tensor = self.twins(torch.cat([features, actions.repeat(1, self._copies)], dim=1))
        return values
