"""Several small networks of the same shape as one: as quick as a single one on a processor."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from polytask_learning.networks.precise import through


class EnsembleLinear(nn.Module):
    """A linear layer of `members` networks at once, followed by LayerNorm if it is asked for."""

    def __init__(self, members: int, inputs: int, outputs: int, *, layer_norm: bool) -> None:
        """Draw the weights as torch's Linear does."""
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))
        self.gain = nn.Parameter(torch.ones(members, 1, outputs)) if layer_norm else None
        self.shift = nn.Parameter(torch.zeros(members, 1, outputs)) if layer_norm else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (members, B, outputs) of `inputs` (members, B, inputs)."""
        outputs = torch.baddbmm(self.bias, inputs, self.weight)
        if self.gain is None or self.shift is None:
            return outputs
        centred = functional.layer_norm(outputs, outputs.shape[-1:])
        return torch.addcmul(self.shift, centred, self.gain)


class EnsembleMlp(nn.Module):
    """`members` perceptrons with the same hidden layers."""

    def __init__(
        self, members: int, inputs: int, hidden: tuple[int, ...], outputs: int, *, layer_norm: bool
    ) -> None:
        """Prepare `members` networks from `inputs` over `hidden` to `outputs`."""
        super().__init__()
        self._members = members
        sizes = (inputs, *hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [EnsembleLinear(members, before, after, layer_norm=layer_norm), nn.ReLU()]
        layers.append(EnsembleLinear(members, sizes[-1], outputs, layer_norm=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (members, B, outputs) of `inputs` (B, inputs), the same for all."""
        return through(self.layers, inputs.expand(self._members, *inputs.shape))
