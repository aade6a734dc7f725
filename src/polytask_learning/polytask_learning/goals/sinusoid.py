"""Sinusoidal goals: the index of a task, where neighbours are alike (Vaswani et al. 2017)."""

import torch
from torch import Tensor

from polytask_learning.goals.errors import InvalidGoal

LONGEST_WAVE = 10_000.0


class Sinusoid:
    """Goals by the index of the task, as sines and cosines of waves from 2π to 20,000π long.

    They need no count of tasks, so that tasks can be added without changing the size.
    """

    name = "index"
    dtype = torch.float32

    def __init__(self, size: int) -> None:
        """Return `size` numbers for each goal; raise InvalidGoal unless it is even, 2 or more."""
        if size < 2 or size % 2:
            raise InvalidGoal(f"the size of an index goal is {size}; valid: 2, 4, 6, …")
        self.shape = (size,)

    def __call__(self, goal: int) -> Tensor:
        """Return the sine and cosine, in turn, of `goal` (at least 0) along each wave."""
        if goal < 0:
            raise InvalidGoal(f"the index goal is {goal}; valid: 0 or more")
        size = self.shape[0]
        # In 64 bits: high indices would lose the short waves' phase.
        exponents = torch.arange(0, size, 2, dtype=torch.float64) / size
        phases = goal / LONGEST_WAVE**exponents
        return torch.stack((phases.sin(), phases.cos()), -1).flatten().to(self.dtype)
