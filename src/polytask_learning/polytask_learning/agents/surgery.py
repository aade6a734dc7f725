"""Gradient surgery (PCGrad, Yu et al. 2020): what one task wants shall not undo another's."""

import torch
from torch import Tensor


def without_conflicts(gradients: Tensor, generator: torch.Generator) -> Tensor:
    """Return the mean (P,) of the tasks' `gradients` (K, P), each freed of what opposes others.

    Each loses its part along every other one that it opposes, one after the other in an order
    that `generator`, on their device, draws.
    """
    count, device = len(gradients), gradients.device
    tasks = torch.arange(count, device=device)
    orders = torch.rand(count, count, generator=generator, device=device).argsort(dim=1)
    # What is left of a gradient is a sum of all of them, and these are few beside their numbers:
    # so it is told by its shares of each, and how it lies to each follows from their products.
    products = gradients @ gradients.T
    sizes = products.diagonal()
    shares = torch.eye(count, dtype=gradients.dtype, device=device)
    for others in orders.T:
        along = (shares * products[others]).sum(dim=1)
        opposed = (along < 0) & (others != tasks) & (sizes[others] > 0)
        shares[tasks, others] -= torch.where(opposed, along / sizes[others], 0.0)
    return shares.mean(dim=0) @ gradients
