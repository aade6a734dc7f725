"""An episode while it happens: collects time steps and actions, then becomes an Episode."""

from typing import Any

import dm_env
import numpy as np

from polytask_contract.environment import Action
from polytask_contract.episodes.episode import Episode
from polytask_contract.specification import Specification


class Recording:
    """What has happened since a reset."""

    def __init__(self, first: dm_env.TimeStep) -> None:
        """Begin with the time step that a reset returned."""
        self._observations: list[dict[str, Any]] = [first.observation]
        self._actions: list[Action] = []
        self._rewards: list[float] = []
        self._discounts: list[float] = []

    def __len__(self) -> int:
        """Return the number of actions so far."""
        return len(self._actions)

    def add(self, action: Action, timestep: dm_env.TimeStep) -> None:
        """Keep an action and what it led to."""
        self._actions.append(np.array(action, np.float32))
        self._observations.append(timestep.observation)
        self._rewards.append(timestep.reward)
        self._discounts.append(timestep.discount)

    def episode(
        self, specification: Specification, task: str, seed: int | None, source: str
    ) -> Episode:
        """Return what was kept as an episode of `task`; raise InvalidEpisode if it is none."""
        names = self._observations[0]
        return Episode(
            suite=specification.suite,
            task=task,
            seed=seed,
            source=source,
            control_period=specification.control_period,
            observations={
                name: np.stack([observation[name] for observation in self._observations])
                for name in names
            },
            actions=np.stack(self._actions),
            rewards=np.array(self._rewards, np.float64),
            discounts=np.array(self._discounts, np.float64),
        )
