"""Replay: whole episodes in a ring of single observations; transitions are made at sampling.

What a sample is depends on the episodes that were added and on the generator, and on nothing else:
a replay that is filled again with the episodes it still held goes on as if nothing had happened.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form
from polytask_contract.errors import PolyTaskError
from polytask_learning.types import Batch


class InvalidReplay(PolyTaskError):
    """A replay cannot be as it was asked for, or cannot hold an episode; the message says why."""


class _Kept(NamedTuple):
    """An episode in the ring: where its first observation is, its number of actions, its goal."""

    place: int
    steps: int
    goal: int


class Replay:
    """Episodes of one form, the oldest of which make room for new ones.

    With `frame_stack` 0 transitions show states, else so many pictures, the first of an episode
    repeated before its start.
    """

    def __init__(
        self,
        form: Form,
        capacity: int,
        *,
        n_step: int,
        discount: float,
        frame_stack: int = 0,
        device: str = "cpu",
    ) -> None:
        """Take memory for `capacity` observations on `device`, the rest of them on the processor.

        What is sampled does not depend on the device. Raise InvalidReplay for what cannot be.
        """
        lacks = form.image is None if frame_stack else not form.state_size
        if lacks:
            what = "pictures" if frame_stack else "states"
            raise InvalidReplay(f"the episodes of {form.suite} have no {what} to learn from")
        for name, value in (("capacity", capacity), ("n_step", n_step)):
            if value < 1:
                raise InvalidReplay(f"{name} is {value}; valid: at least 1")
        self._capacity, self._frame_stack = capacity, frame_stack
        self._n_step, self._discount = n_step, discount
        self._form = self._seen_form(form)
        rows, columns = form.image or (0, 0)
        shape = (3, rows, columns) if frame_stack else (form.state_size,)
        kind = torch.uint8 if frame_stack else torch.float32
        self._seen = torch.zeros((capacity, *shape), dtype=kind, device=device)
        self._actions = np.zeros((capacity, form.action_size), np.float32)
        self._rewards = np.zeros(capacity, np.float32)
        self._discounts = np.zeros(capacity, np.float32)
        self._kept: deque[_Kept] = deque()
        self._ends: NDArray[np.int64] = np.zeros(0, np.int64)
        self._table: NDArray[np.int64] = np.zeros((0, 3), np.int64)
        self._next = self._held = 0

    def __len__(self) -> int:
        """Return how many transitions there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def episodes(self) -> int:
        """How many episodes are held."""
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """How much memory the ring takes, full or not [byte]."""
        arrays = (self._actions, self._rewards, self._discounts)
        return self._seen.nbytes + sum(array.nbytes for array in arrays)

    def add(self, episode: Episode, goal: int = 0) -> None:
        """Keep `episode` with its `goal`; the oldest go until it fits.

        Raise InvalidReplay when it never will, InvalidEpisode when it is of another form.
        """
        self._seen_form(episode.form).check(
            self._form, f"an episode of {episode.suite} {episode.task}"
        )
        size = len(episode) + 1
        if size > self._capacity:
            raise InvalidReplay(
                f"an episode of {size} observations does not fit; valid: up to {self._capacity}"
            )
        while self._held + size > self._capacity:
            self._held -= self._kept.popleft().steps + 1
        places = (self._next + np.arange(size)) % self._capacity
        if self._frame_stack:
            seen = episode.observations["image"].transpose(0, 3, 1, 2)
        else:
            seen = episode.observations["state"]
        self._seen[self._index(places)] = torch.tensor(seen, device=self._seen.device)
        before = places[:-1]
        self._actions[before] = episode.actions
        self._rewards[before] = episode.rewards
        self._discounts[before] = episode.discounts
        self._kept.append(_Kept(self._next, len(episode), goal))
        self._next = int((self._next + size) % self._capacity)
        self._held += size
        self._table = np.array(self._kept, np.int64)
        self._ends = np.cumsum(self._table[:, 1])

    def _seen_form(self, form: Form) -> Form:
        """Return `form` without what is not looked at."""
        return form if self._frame_stack else form._replace(image=None)

    def sample(self, count: int, random: np.random.Generator) -> Batch:
        """Return `count` transitions, each as likely as any other; raise InvalidReplay if empty."""
        if not len(self):
            raise InvalidReplay("the replay is empty; add an episode first")
        drawn = random.integers(len(self), size=count)
        number = np.searchsorted(self._ends, drawn, side="right")
        place, steps, goal = self._table[number].T
        step = drawn - (self._ends[number] - steps)
        reward, discount, ahead = self._returns(place, step, steps)
        return Batch(
            observation=self._shown(place, step),
            action=torch.from_numpy(self._actions[(place + step) % self._capacity]),
            reward=torch.from_numpy(reward[:, None]),
            discount=torch.from_numpy(discount[:, None]),
            next_observation=self._shown(place, ahead),
            goal=torch.from_numpy(goal),
        )

    def _returns(
        self, place: NDArray[np.int64], step: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Return the rewards over n steps, what the value after them counts for, and where it is.

        At an episode's end there are fewer steps; only where the task itself ended is the value
        after them nothing.
        """
        reward = np.zeros(len(step), np.float32)
        discount = np.ones(len(step), np.float32)
        for ahead in range(self._n_step):
            inside = step + ahead < steps
            at = (place + np.where(inside, step + ahead, 0)) % self._capacity
            reward += np.where(inside, discount * self._rewards[at], 0)
            discount *= np.where(inside, np.float32(self._discount) * self._discounts[at], 1)
        return reward, discount, np.minimum(step + self._n_step, steps)

    def _shown(self, place: NDArray[np.int64], step: NDArray[np.int64]) -> torch.Tensor:
        back = np.arange(1 - max(1, self._frame_stack), 1)
        steps = np.maximum(step[:, None] + back, 0)
        index = self._index(((place[:, None] + steps) % self._capacity).ravel())
        # Copies whole rows, several times as fast as indexing.
        seen = self._seen.index_select(0, index)
        width = len(back) * self._seen.shape[1]
        return seen.view(len(place), width, *self._seen.shape[2:])

    def _index(self, places: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(places).to(self._seen.device)
