"""What an agent sees, made into features: pictures through convolutions, states through a scale."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from polytask_learning.settings import check_setting

CHANNELS, KERNEL = 32, 3
# The paper's.
STRIDES = (2, 1, 1, 1)
# A number that moves by less is not blown up to the size of others.
LEAST_MOVED = 0.01


class PictureEncoder(nn.Module):
    """The paper's encoder: convolutions, then a linear layer, LayerNorm and tanh."""

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        features: int,
        strides: tuple[int, ...] = STRIDES,
    ) -> None:
        """Prepare for stacked pictures of `channels` and `size` (rows, columns).

        There is a convolution for each of `strides`; raise InvalidSetting where nothing is left.
        """
        super().__init__()
        left = min(size)
        for stride in strides:
            left = (left - KERNEL) // stride + 1 if left >= KERNEL else 0
        check_setting("the size of pictures", size, left > 0, f"larger, with strides of {strides}")
        widths = (channels, *[CHANNELS] * len(strides))
        layers: list[nn.Module] = []
        for (before, after), stride in zip(pairwise(widths), strides, strict=True):
            layers += [nn.Conv2d(before, after, KERNEL, stride), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, channels, *size)).numel()
        self.trunk = nn.Sequential(nn.Linear(width, features), nn.LayerNorm(features), nn.Tanh())
        self.features = features

    def forward(self, pictures: Tensor) -> Tensor:
        """Return features (B, features) of `pictures` (B, channels, rows, columns), 0 to 255."""
        first = cast("nn.Conv2d", self.convolutions[0])
        # What brings 0..255 to -0.5..0.5 is done to a few weights rather than to every pixel; bytes
        # are exact in 16 bits, too.
        weight = first.weight / 255
        bias = cast("Tensor", first.bias) - first.weight.sum(dim=(1, 2, 3)) / 2
        kind = pictures.device.type
        mixed = torch.is_autocast_enabled(kind)
        seen = pictures.to(torch.get_autocast_dtype(kind) if mixed else weight.dtype)
        seen = functional.conv2d(seen, weight, bias, first.stride)
        seen = self.convolutions[1:](seen)
        encoded: Tensor = self.trunk(seen.flatten(1))
        return encoded


class StateEncoder(nn.Module):
    """Brings each number of a state to about the same size; learns nothing."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        """Keep what is subtracted from a state (D,) and what it is divided by (D,), above 0."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.features = mean.numel()

    def measure(self, states: Tensor) -> None:
        """Go by the mean and the spread of `states` (B, D) from now on."""
        self.mean.copy_(states.mean(dim=0))
        self.scale.copy_(states.std(dim=0, correction=0).clamp(min=LEAST_MOVED))

    def forward(self, states: Tensor) -> Tensor:
        """Return features (B, D) of `states` (B, D)."""
        return (states - self.mean) / self.scale
