"""Batches for a distillation: as many steps of each of several tasks, with experts' actions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.reservoir import InvalidSample


class Lesson(NamedTuple):
    """Steps of some tasks, task by task.

    `tasks` (K,) are their numbers, all different; of the B steps the first B / K are of the first
    of them, and so on. `observations` (B, …) and `actions` (B, A) are as RelabelledData has them.
    """

    tasks: NDArray[np.int64]
    observations: Tensor
    actions: Tensor


class Lessons:
    """Draws lessons from the data of experts, the tasks of which are numbered as they come."""

    def __init__(self, data: Sequence[RelabelledData]) -> None:
        """Draw from `data`, all of it states, or all pictures of one size; at least one."""
        self._data = data
        counts = [len(one) for one in data]
        self._counts = np.array(counts)
        self._starts = np.cumsum([0, *counts[:-1]])
        # States of all tasks lie in one piece, so that many tasks take no longer than few.
        self._states = None
        if not any(one.pictured for one in data):
            parts = [one.at(torch.arange(len(one))) for one in data]
            self._states = tuple(map(torch.cat, zip(*parts, strict=True)))

    def draw(self, steps: int, tasks: int, random: np.random.Generator) -> Lesson:
        """Return about `steps` steps of `tasks` tasks, or of all where there are fewer.

        Tasks are as likely as each other, and so are the steps of a task. Raise InvalidSample
        unless there are as many steps as tasks, and both at least 1.
        """
        tasks = min(tasks, len(self._data))
        if not 1 <= tasks <= steps:
            raise InvalidSample(f"{steps} steps of {tasks} tasks; valid: 1 task, 1 step of each")
        chosen = random.permutation(len(self._data))[:tasks]
        places = random.integers(self._counts[chosen], size=(steps // tasks, tasks)).T
        return Lesson(chosen, *self._at(chosen, places))

    def _at(self, tasks: NDArray[np.int64], places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        if self._states is not None:
            rows = torch.from_numpy((self._starts[tasks][:, None] + places).reshape(-1))
            states, actions = self._states
            return states.index_select(0, rows), actions.index_select(0, rows)
        drawn = [
            self._data[task].at(torch.from_numpy(rows))
            for task, rows in zip(tasks, places, strict=True)
        ]
        observations, actions = map(torch.cat, zip(*drawn, strict=True))
        return observations, actions
