"""What the parts of the learner hand to each other."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Transitions over n steps, one a row.

    `observation` and `next_observation` are states (B, D) float32, or stacked pictures
    (B, 3 K, H, W) uint8; `action` is (B, A); `reward` (B, 1) is the discounted sum over the n
    steps; `discount` (B, 1) is what the value of `next_observation` counts for, 0 where the task
    itself ended; `goal` (B,) int64 is the row of the goal in its table.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    next_observation: Tensor
    goal: Tensor
