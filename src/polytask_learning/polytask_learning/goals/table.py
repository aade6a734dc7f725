"""The goals that a learner knows, each once, by the row that it has in a table."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor

from polytask_learning.goals.errors import InvalidGoal
from polytask_learning.goals.modality import Modality

Goal = TypeVar("Goal")


class GoalTable(Generic[Goal]):
    """Goals of one modality, in the order in which they came; equal tensors share a row."""

    def __init__(self, modality: Modality[Goal], device: torch.device | str = "cpu") -> None:
        """Start empty, with the tensors on `device`."""
        self.modality = modality
        self._rows: dict[bytes, int] = {}
        self._device = torch.device(device)
        self._goals: list[Tensor] = []
        self._values: Tensor | None = None

    def __len__(self) -> int:
        """Return the number N of different goals."""
        return len(self._goals)

    @property
    def values(self) -> Tensor:
        """All goals, (N, *modality.shape)."""
        if self._values is None:
            # Joined when first asked for: hundreds of pictures come one after the other.
            empty = torch.empty((0, *self.modality.shape), dtype=self.modality.dtype)
            values = torch.stack(self._goals) if self._goals else empty
            self._values = values.to(self._device)
        return self._values

    def add(self, goal: Goal) -> int:
        """Return the row of `goal`, new if it is; raise InvalidGoal unless it is one."""
        value = self.modality(goal)
        row = self._rows.setdefault(value.numpy().tobytes(), len(self))
        if row == len(self):
            self._goals.append(value)
            self._values = None
        return row

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Return the goals (B, …) in `rows` (B,) int64; raise InvalidGoal for a row beyond."""
        return self.values[self._checked(rows)]

    def state_dict(self) -> dict[str, Tensor]:
        """Return what to save: all goals, as `values`."""
        return {"values": self.values}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Hold the saved goals in their rows; raise InvalidGoal unless they are of the modality."""
        values = state.get("values")
        shape, dtype = self.modality.shape, self.modality.dtype
        if values is None or values.shape[1:] != shape or values.dtype != dtype:
            found = "missing" if values is None else f"{tuple(values.shape)} {values.dtype}"
            raise InvalidGoal(f"the saved goals are {found}; valid: {('N', *shape)} {dtype}")
        self._goals = list(values.detach().cpu().clone())
        self._rows = {goal.numpy().tobytes(): row for row, goal in enumerate(self._goals)}
        self._values = None

    def _checked(self, rows: Tensor) -> Tensor:
        """Return `rows` on the goals' device; a row beyond would stop a GPU without a word."""
        wrong = (rows < 0) | (rows >= len(self))
        if wrong.any():
            row = int(rows[wrong][0])
            raise InvalidGoal(f"the row of a goal is {row}; valid: 0 to {len(self) - 1}")
        return rows.to(self._device)
