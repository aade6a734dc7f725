"""Gradient surgery (PCGrad, Yu et al. 2020): what one task wants shall not undo another's."""

import torch
from torch import Tensor


def without_conflicts(gradients: Tensor, generator: torch.Generator) -> Tensor:
    """Return the mean (P,) of the tasks' `gradients` (K, P), each freed of what opposes others.

    Each loses its part along every other one that it opposes, one after the other in an order
    that `generator`, on their device, draws.
    """
    count = len(gradients)
    sizes = gradients.square().sum(dim=1)
    freed = gradients.clone()
    for task in range(count):
        order = torch.randperm(count, generator=generator, device=generator.device)
        for other in order.tolist():
            if other == task or not sizes[other] > 0:
                continue
            along = torch.dot(freed[task], gradients[other])
            if along < 0:
                freed[task] -= along / sizes[other] * gradients[other]
    return freed.mean(dim=0)
