"""What every kind of goal offers: a name, a form, and how a goal is put into it."""

from typing import Protocol, TypeVar

import torch
from torch import Tensor

Goal_contra = TypeVar("Goal_contra", contravariant=True)


class Modality(Protocol[Goal_contra]):
    """A kind of goal. Each goal becomes a tensor, always the same for the same goal.

    Vectors (G,) are float32 and go to the policy as they are; pictures (3, rows, columns) are
    uint8, for the policy's own encoder.
    """

    @property
    def name(self) -> str:
        """The kind's name: onehot, index, language or image."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one goal's tensor."""

    @property
    def dtype(self) -> torch.dtype:
        """The type of one goal's tensor."""

    def __call__(self, goal: Goal_contra) -> Tensor:
        """Return the tensor of `goal`; raise InvalidGoal unless it is one."""
