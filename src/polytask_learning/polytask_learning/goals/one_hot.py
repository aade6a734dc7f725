"""One-hot goals: one of a number of tasks, all equally far from each other."""

import torch
from torch import Tensor

from polytask_learning.goals.errors import InvalidGoal


class OneHot:
    """Goals by the index of the task among `count`; `size` numbers, by default `count`.

    A greater size repeats the vector until it is full, so that the goal weighs as much in a layer
    as features do; the paper's size is 512.
    """

    name = "onehot"
    dtype = torch.float32

    def __init__(self, count: int, size: int | None = None) -> None:
        """Raise InvalidGoal unless there are 1 or more tasks and room for each."""
        size = count if size is None else size
        if count < 1:
            raise InvalidGoal(f"there are {count} one-hot goals; valid: 1 or more")
        if size < count:
            found = f"the size of {count} one-hot goals is {size}"
            raise InvalidGoal(f"{found}; valid: {count} or more")
        self.count = count
        self.shape = (size,)

    def __call__(self, goal: int) -> Tensor:
        """Return zeros (size,) with a one at place `goal`, 0 to count - 1, and every count on."""
        if not 0 <= goal < self.count:
            raise InvalidGoal(f"the one-hot goal is {goal}; valid: 0 to {self.count - 1}")
        return (torch.arange(self.shape[0]) % self.count == goal).to(self.dtype)
