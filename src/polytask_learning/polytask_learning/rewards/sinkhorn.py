"""Entropic optimal transport between uniform steps: equation 3, by Sinkhorn's iteration."""

import torch
from torch import Tensor

from polytask_learning.rewards.errors import InvalidFeatures

EPSILON = 0.01
ITERATIONS = 100

# So many iterations are done with factors before these go back into the logarithms: few enough
# that no factor overflows, many enough that exponentials are a small part of the work.
BLOCK = 10


def sinkhorn(
    cost: Tensor,
    epsilon: float = EPSILON,
    iterations: int = ITERATIONS,
    tolerance: float | None = None,
    rows: Tensor | None = None,
    columns: Tensor | None = None,
) -> Tensor:
    """Return the plans (K, T, T') that move each row's mass to the columns at the least cost.

    `cost` is (K, T, T'), of 32 or 64 bits; `rows` (K, T) and `columns` (K, T') are true where
    something stands and false where there is padding, which takes no mass. What stands has equal
    shares of a mass of 1. `epsilon` (above 0) weighs entropy, in the unit of the cost. Rows sum to
    their shares, columns to within `marginal_error`; with a `tolerance` for it, the iteration ends
    early, looking every BLOCK iterations (on a GPU, each look waits for the device).
    With 32 bits and costs of 10,000 `epsilon`, four digits are right.
    Raise InvalidFeatures for other shapes, types and masks.
    """
    _check(cost, rows, columns)
    row_share, column_share = _shares(cost, rows, -1), _shares(cost, columns, -2)
    log_kernel = cost / -epsilon
    # The potentials divided by epsilon; those of padding are -inf and stay so.
    v = column_share.log() - (log_kernel + _standing(row_share)).logsumexp(-2, keepdim=True)
    u = row_share.log() - (log_kernel + v).logsumexp(-1, keepdim=True)
    plan = (log_kernel + u + v).exp()
    for done in range(1, iterations, BLOCK):
        if tolerance is not None and _column_error(plan, column_share).max() <= tolerance:
            break
        count = min(BLOCK, iterations - done)
        row_factor, column_factor = _balance(plan, row_share, column_share, count)
        u, v = u + row_factor.log(), v + column_factor.log()
        plan = (log_kernel + u + v).exp()
    return plan


def marginal_error(plan: Tensor, columns: Tensor | None = None) -> Tensor:
    """Return how much mass (K,) of plans (K, T, T') is in the wrong column, counted twice: 0 to 2.

    `columns` (K, T') is false where there is padding.
    """
    return _column_error(plan, _shares(plan, columns, -2))


def _balance(
    plan: Tensor, row_share: Tensor, column_share: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Return by what to multiply rows (K, T, 1) and columns (K, 1, T') after `count` iterations.

    The iteration is that of logarithms, but with products of matrices instead of exponentials.
    It cannot divide by 0: as rows of `plan` have their shares, no column has less than its
    share by T. Only padding has nothing, and that it divides among nobody.
    """
    least = torch.finfo(plan.dtype).tiny
    row_factor = torch.ones_like(row_share)
    column_factor = torch.ones_like(column_share)
    for _ in range(count):
        column_factor = column_share / (row_factor.mT @ plan).clamp(min=least)
        row_factor = row_share / (plan @ column_factor.mT).clamp(min=least)
    return row_factor, column_factor


def _shares(cost: Tensor, mask: Tensor | None, along: int) -> Tensor:
    """Return the mass of rows (K, T, 1), or with `along` -2 of columns (K, 1, T')."""
    if mask is None:
        mask = torch.ones_like(cost.select(along, 0), dtype=torch.bool)
    shares = mask.to(cost.dtype) / mask.sum(-1, keepdim=True)
    return shares.unsqueeze(along)


def _standing(share: Tensor) -> Tensor:
    """Return potentials to start from: 0 where something stands, -inf for padding."""
    return (share > 0).to(share.dtype).log()


def _column_error(plan: Tensor, column_share: Tensor) -> Tensor:
    return (plan.sum(-2, keepdim=True) - column_share).abs().sum((-2, -1))


def _check(cost: Tensor, rows: Tensor | None, columns: Tensor | None) -> None:
    if cost.ndim != 3 or not cost.numel():
        raise InvalidFeatures(f"the cost is {tuple(cost.shape)}; valid: (K, T, T'), none 0")
    if cost.dtype not in (torch.float32, torch.float64):
        raise InvalidFeatures(f"the cost is {cost.dtype}; valid: float32, float64")
    for name, mask, length in (("rows", rows, 1), ("columns", columns, 2)):
        wanted = (cost.shape[0], cost.shape[length])
        if mask is not None and (mask.shape != wanted or mask.dtype != torch.bool):
            found = f"{tuple(mask.shape)} {mask.dtype}"
            raise InvalidFeatures(f"the mask of {name} is {found}; valid: {wanted} torch.bool")
        if mask is not None and not mask.any(-1).all():
            index = int((~mask.any(-1)).nonzero()[0])
            raise InvalidFeatures(f"all {name} of cost {index} are padding; valid: 1 or more real")
