"""Batches for a distillation: as many steps of each of several tasks, with experts' actions.

Where a task has steps of episodes that its expert has played by itself, most of what is drawn may
be of these, however few they are.
"""

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

    def __init__(self, data: Sequence[RelabelledData], played_share: float = 0.0) -> None:
        """Draw from `data`, all of it states, or all pictures of one size; at least one.

        Of a task that has played steps, as large a share of what is drawn is of these.
        """
        self._data, self._played_share = data, played_share
        counts = [len(one) for one in data]
        self._counts = np.array(counts)
        self._played = np.array([one.label.played_steps for one in data])
        self._starts = np.cumsum([0, *counts[:-1]])
        # States of all tasks lie in one piece, so that many tasks take no longer than few.
        self._states = None
        if not any(one.pictured for one in data):
            parts = [one.at(torch.arange(len(one))) for one in data]
            self._states = tuple(map(torch.cat, zip(*parts, strict=True)))

    def draw(self, steps: int, tasks: int, random: np.random.Generator) -> Lesson:
        """Return about `steps` steps of `tasks` tasks, or of all where there are fewer.

        Tasks are as likely as each other; so are the played steps of a task, and so are its others.
        Raise InvalidSample unless there are as many steps as tasks, and both at least 1.
        """
        tasks = min(tasks, len(self._data))
        if not 1 <= tasks <= steps:
            raise InvalidSample(f"{steps} steps of {tasks} tasks; valid: 1 task, 1 step of each")
        chosen = random.permutation(len(self._data))[:tasks]
        size = (steps // tasks, tasks)
        played = self._played[chosen]
        alone = (random.random(size) < self._played_share) & (played > 0)
        first, last = np.where(alone, 0, played), np.where(alone, played, self._counts[chosen])
        return Lesson(chosen, *self._at(chosen, random.integers(first, last).T))

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
