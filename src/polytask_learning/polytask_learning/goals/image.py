"""Goal images: a picture of the task done, which the policy encodes as it does what it sees."""

import numpy as np
import torch
from torch import Tensor

from polytask_contract.episodes.episode import Picture
from polytask_learning.goals.errors import InvalidGoal


class GoalImage:
    """Goals by a picture of (rows, columns), such as `goal_image` of a demonstration."""

    name = "image"
    dtype = torch.uint8

    def __init__(self, rows: int, columns: int) -> None:
        """Take pictures of `rows` and `columns`, each 1 or more, else raise InvalidGoal."""
        if min(rows, columns) < 1:
            raise InvalidGoal(f"a goal image is {rows} by {columns}; valid: 1 by 1 or more")
        self.shape = (3, rows, columns)

    def __call__(self, goal: Picture) -> Tensor:
        """Return a copy (3, rows, columns) of the picture `goal` (rows, columns, 3), uint8."""
        channels, *size = self.shape
        if goal.shape != (*size, channels) or goal.dtype != np.uint8:
            found = f"the goal image is {goal.shape} {goal.dtype}"
            raise InvalidGoal(f"{found}; valid: {(*size, channels)} uint8")
        return torch.from_numpy(goal.copy()).permute(2, 0, 1).contiguous()
