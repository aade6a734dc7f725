"""The terms that experts and what is distilled of them are trained by; functions of tensors."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

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


def squared_errors(unsquashed: Tensor, taught: Tensor) -> Tensor:
    """Return how far tanh of `unsquashed` is from `taught` (B, A), as equation 2 of the paper."""
    return (torch.tanh(unsquashed) - taught) ** 2


def relative_entropies(unsquashed: Tensor, taught: Tensor) -> Tensor:
    """Return by how many nat actions differ from `taught` (B, A), each read as a coin's mean.

    A coin of 1 and -1 has any mean that an action can have, and tanh of half its log odds is that
    mean. The gradient by `unsquashed` is the error itself, also where an action is at its bound.
    """
    chance = (taught + 1) / 2
    cross: Tensor = binary_cross_entropy_with_logits(2 * unsquashed, chance, reduction="none")
    least: Tensor = torch.special.entr(chance) + torch.special.entr(1 - chance)
    return cross - least


_DISTANCES = {"squared": squared_errors, "entropy": relative_entropies}


def distillation_losses(unsquashed: Tensor, taught: Tensor, tasks: int, distance: str) -> Tensor:
    """Return the mean `distance` (K,) to `taught` (B, A) for each of `tasks`, B / K rows each.

    Equation 2 has the sum over an action's A numbers, which an optimiser like Adam does not mind.
    """
    return _DISTANCES[distance](unsquashed, taught).view(tasks, -1).mean(dim=1)
