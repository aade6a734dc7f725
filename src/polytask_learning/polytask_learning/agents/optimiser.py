"""An optimiser that goes on from a saved state as if it had never stopped."""

from collections.abc import Mapping
from typing import Any

import torch


def load_optimiser(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Bring `optimiser` to a saved `state`.

    Its tensors are laid out as its weights are: the fused step pairs them by place.
    """
    optimiser.load_state_dict(dict(state))
    for weight, kept in optimiser.state.items():
        for name, value in kept.items():
            if value.shape == weight.shape:
                kept[name] = torch.empty_like(weight).copy_(value)
