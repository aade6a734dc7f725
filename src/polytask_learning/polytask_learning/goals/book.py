"""The goals of a policy's tasks: in each modality, one or more for each task, none for two."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from polytask_contract.errors import UnknownName
from polytask_learning.goals.errors import InvalidGoal
from polytask_learning.goals.modality import Modality
from polytask_learning.goals.table import GoalTable


class GoalBook:
    """Tasks, numbered from 0 in the order in which they came, and the goals that mean them."""

    def __init__(self, modalities: Sequence[Modality[Any]]) -> None:
        """Start without tasks; raise InvalidGoal unless there is a modality, and none is twice."""
        self._tables = {one.name: GoalTable(one) for one in modalities}
        if not modalities or len(self._tables) < len(modalities):
            names = ", ".join(one.name for one in modalities) or "none"
            raise InvalidGoal(f"the modalities are {names}; valid: one or more, each once")
        self._tasks: list[str] = []
        self._rows: dict[str, list[list[int]]] = {name: [] for name in self._tables}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of its modalities."""
        return tuple(self._tables)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of its tasks, at their numbers."""
        return tuple(self._tasks)

    def modality(self, name: str) -> Modality[Any]:
        """Return the modality called `name`; raise UnknownName if it is none of these."""
        return self._table(name).modality

    def add_task(self, task: str, goals: Mapping[str, Sequence[Any]]) -> int:
        """Add a task with its goals in each modality, and return its number.

        Raise InvalidGoal, and add nothing, for a task that is there already, where a modality has
        no goal for it, for what is no goal, and for a goal that means another task already.
        """
        if task in self._tasks:
            raise InvalidGoal(f"the task {task!r} is there already")
        for name, table in self._tables.items():
            if not goals.get(name):
                raise InvalidGoal(f"the task {task!r} has no {name} goal; valid: one or more")
            for goal in goals[name]:
                self._check_new(task, name, table.modality(goal))
        for name, table in self._tables.items():
            self._rows[name].append(sorted({table.add(goal) for goal in goals[name]}))
        self._tasks.append(task)
        return len(self._tasks) - 1

    def _check_new(self, task: str, name: str, value: Tensor) -> None:
        for number, other in enumerate(self._tasks):
            if any(torch.equal(value, known) for known in self.of(name, number)):
                raise InvalidGoal(f"the tasks {other!r} and {task!r} have the same {name} goal")

    def of(self, name: str, task: int) -> Tensor:
        """Return all goals (V, …) of the task numbered `task` in the modality `name`."""
        return self._table(name)[torch.tensor(self._rows[name][task])]

    def draw(self, name: str, tasks: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Return a goal (K, …) for each of `tasks`, any of a task's being as likely as others."""
        known = self._rows[name]
        rows = [known[task][random.integers(len(known[task]))] for task in tasks]
        return self._table(name)[torch.tensor(rows)]

    def _table(self, name: str) -> GoalTable[Any]:
        if name not in self._tables:
            raise UnknownName("modality", name, self.modalities)
        return self._tables[name]

    def state_dict(self) -> dict[str, Any]:
        """Return what to save: tasks, and goals by modality."""
        goals = {
            name: {"rows": self._rows[name], **table.state_dict()}
            for name, table in self._tables.items()
        }
        return {"tasks": list(self._tasks), "goals": goals}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Hold what was saved; raise InvalidGoal unless it is of the same modalities."""
        goals = state["goals"]
        if goals.keys() != self._tables.keys():
            valid = ", ".join(self._tables)
            raise InvalidGoal(f"the saved goals are of {', '.join(goals)}; valid: {valid}")
        for name, table in self._tables.items():
            table.load_state_dict({"values": goals[name]["values"]})
            self._rows[name] = [list(rows) for rows in goals[name]["rows"]]
        self._tasks = list(state["tasks"])
