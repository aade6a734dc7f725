"""The last layer of a network in float32, whatever the layers before it compute in."""

import torch
from torch import Tensor, nn


def through(layers: nn.Sequential, inputs: Tensor) -> Tensor:
    """Return what `layers` make of `inputs`, the last of them without autocast.

    Values and actions of 8 binary digits would be coarser than the noise that explores them.
    """
    *hidden, last = layers
    for layer in hidden:
        inputs = layer(inputs)
    with torch.autocast(inputs.device.type, enabled=False):
        outputs: Tensor = last(inputs.float())
    return outputs
