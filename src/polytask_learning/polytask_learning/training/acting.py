"""An agent as a policy: from time steps to actions, pictures stacked on the way."""

from typing import Protocol

import dm_env
import numpy as np
import torch
from torch import Tensor

from polytask_contract.environment import Action
from polytask_contract.episodes.episode import Episode


class Actor(Protocol):
    """What acts on observations."""

    def act(self, observations: Tensor, *, explore: bool) -> Tensor:
        """Return actions (B, A) for `observations`."""


class ActingPolicy:
    """Lets an agent act in an environment; starts anew with each episode.

    It sees states, or with `frame_stack` above 0 the newest so many pictures, the first repeated
    before an episode's start.
    """

    def __init__(self, agent: Actor, *, frame_stack: int = 0, explore: bool = False) -> None:
        """Act as `agent` does, with noise if `explore`."""
        self._agent = agent
        self._frame_stack = frame_stack
        self._explore = explore
        self._frames: list[Tensor] = []

    def __call__(self, timestep: dm_env.TimeStep) -> Action:
        """Return the action for `timestep`."""
        seen = self._stacked(timestep) if self._frame_stack else self._state(timestep)
        actions = self._agent.act(seen[None], explore=self._explore)
        return np.asarray(actions[0].numpy(), np.float32)

    def _state(self, timestep: dm_env.TimeStep) -> Tensor:
        return torch.from_numpy(timestep.observation["state"])

    def _stacked(self, timestep: dm_env.TimeStep) -> Tensor:
        frame = torch.from_numpy(timestep.observation["image"]).permute(2, 0, 1)
        if timestep.first():
            self._frames = [frame] * self._frame_stack
        else:
            self._frames = [*self._frames[1:], frame]
        return torch.cat(self._frames)


def seen_in(episode: Episode, frame_stack: int) -> Tensor:
    """Return what an ActingPolicy sees at each of the T + 1 observations of `episode`.

    States (T + 1, D), or pictures (T + 1, 3 `frame_stack`, rows, columns), uint8.
    """
    if not frame_stack:
        return torch.tensor(episode.observations["state"])
    frames = torch.tensor(episode.observations["image"]).permute(0, 3, 1, 2)
    back = torch.arange(1 - frame_stack, 1)
    steps = (torch.arange(len(frames))[:, None] + back).clamp(min=0)
    return frames[steps].flatten(1, 2)
