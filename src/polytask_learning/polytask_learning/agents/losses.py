"""The terms that an expert is trained by; pure functions of tensors."""

import torch
from torch import Tensor

# Equation 1 of the paper writes a squared error; its code takes the likelihood of the demonstrated
# action under a normal distribution of this width, which is the same up to a factor.
WIDTH = 0.1


def noise(shape: torch.Size, width: float, bound: float, generator: torch.Generator) -> Tensor:
    """Return normal noise of `width`, cut at `bound`, on the device of `generator`."""
    drawn = torch.randn(shape, generator=generator, device=generator.device)
    return drawn.mul_(width).clamp_(-bound, bound)


def explored(means: Tensor, noise: Tensor) -> Tensor:
    """Return `means` with `noise`, within [-1, 1]."""
    return (means + noise).clamp(-1, 1)


def bellman_target(reward: Tensor, discount: Tensor, next_values: Tensor) -> Tensor:
    """Return what both twins should say (B, 1): the smaller of `next_values` (2, B, 1) counts."""
    return reward + discount * next_values.min(dim=0).values


def critic_loss(values: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of both twins' `values` (2, B, 1), summed over the twins."""
    return ((values - target) ** 2).mean(dim=(1, 2)).sum()


def imitation_loss(actions: Tensor, demonstrated: Tensor) -> Tensor:
    """Return the negative log-likelihood of `demonstrated` (B, A), up to a constant; 0 for none."""
    errors = ((actions - demonstrated) ** 2).sum() / max(1, len(demonstrated))
    return errors / (2 * WIDTH**2)


def value_loss(values: Tensor, *, normalise: bool) -> Tensor:
    """Return what falls as the smaller twin's value grows; `normalise` makes its size about 1."""
    smaller = values.min(dim=0).values
    loss = -smaller.mean()
    return loss / smaller.abs().mean().detach().clamp(min=1.0) if normalise else loss


def distillation_losses(actions: Tensor, taught: Tensor, tasks: int) -> Tensor:
    """Return the mean squared error (K,) of `actions` (B, A) for each of `tasks`, B / K rows each.

    Equation 2 of the paper but for the factor A, which an optimiser like Adam does not mind.
    """
    return ((actions - taught) ** 2).view(tasks, -1).mean(dim=1)
