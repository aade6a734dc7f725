"""The environment contract: a dm_env.Environment with seeded episodes and named turns."""

import abc
from typing import Any, NamedTuple

import dm_env
import numpy as np
from dm_env import specs
from numpy.typing import ArrayLike, NDArray

from polytask_contract.errors import ActionRefused, InvalidSeed, Refusal
from polytask_contract.specification import Specification

Action = NDArray[np.float32]


class Turn(NamedTuple):
    """The one place where an action fits: an episode, and the step of its newest observation."""

    episode: int
    step: int


def checked_action(values: ArrayLike, size: int) -> Action:
    """Return `values` as float32, or raise ActionRefused: `size` values within [-1, 1]."""
    action = np.asarray(values, np.float32)
    if action.shape != (size,):
        message = f"the action has shape {action.shape}; valid: ({size},)"
        raise ActionRefused(Refusal.WRONG_SIZE, message)
    # One comparison clears every good action: a NaN compares false, an infinity is out of range.
    if not np.abs(action).max() <= 1.0:
        place = int(np.argmax(~(np.abs(action) <= 1.0)))
        finite = np.isfinite(action[place])
        refusal = Refusal.OUT_OF_RANGE if finite else Refusal.NOT_FINITE
        message = f"value {place} of the action is {action[place]}; valid: -1 to 1"
        raise ActionRefused(refusal, message)
    return action


def check_seed(seed: int) -> None:
    """Raise InvalidSeed unless `seed` fits the 64 bits that a reset has for it."""
    if not 0 <= seed < 2**64:
        raise InvalidSeed(seed)


def check_turn(turn: Turn, current: Turn | None) -> None:
    """Raise ActionRefused unless `turn` is the `current` one; None: no episode is running."""
    if current is None:
        message = f"no episode is running, the action names episode {turn.episode}; reset first"
        raise ActionRefused(Refusal.NO_EPISODE, message)
    if turn.episode != current.episode:
        message = f"the action names episode {turn.episode}; valid: {current.episode}"
        raise ActionRefused(Refusal.WRONG_EPISODE, message)
    if turn.step != current.step:
        message = f"the action answers step {turn.step}; valid: {current.step}"
        raise ActionRefused(Refusal.WRONG_STEP, message)


class Environment(dm_env.Environment):  # type: ignore[misc]  # dm_env is not typed
    """One task of a suite or robot.

    Observations are dicts of arrays as `Specification.observation_spec` says; `success` is true
    while the task is accomplished. Arrays that were handed out are never written again. The module
    `conformance` states the laws that every implementation keeps.
    """

    @property
    @abc.abstractmethod
    def specification(self) -> Specification:
        """What this environment is."""

    @property
    @abc.abstractmethod
    def task(self) -> str:
        """The task that a reset begins."""

    @property
    @abc.abstractmethod
    def turn(self) -> Turn | None:
        """The turn that the next action answers; None while no episode is running."""

    @abc.abstractmethod
    def reset(self, seed: int | None = None) -> dm_env.TimeStep:
        """Begin an episode, the same one for the same `seed`; None draws the next seed.

        Raise InvalidSeed, and leave a running episode as it is, unless `seed` has 64 bits.
        """

    @abc.abstractmethod
    def act(self, turn: Turn, action: ArrayLike) -> dm_env.TimeStep:
        """Answer `turn`; raise ActionRefused, and leave the world as it is, when that cannot be."""

    def step(self, action: ArrayLike) -> dm_env.TimeStep:
        """Answer the present turn; without a running episode, begin one and ignore the action."""
        turn = self.turn
        return self.reset() if turn is None else self.act(turn, action)

    def action_spec(self) -> specs.BoundedArray:
        """Return the spec of an action."""
        return self.specification.action_spec()

    def observation_spec(self) -> dict[str, Any]:
        """Return the spec of each observation."""
        return self.specification.observation_spec()
