"""An environment that lives in this process: turns and seeds are kept here, worlds add physics."""

import abc
from typing import Any, NamedTuple

import dm_env
import numpy as np
from numpy.typing import ArrayLike

from polytask_contract.environment import (
    Action,
    Environment,
    Turn,
    check_seed,
    check_turn,
    checked_action,
)
from polytask_contract.errors import EnvironmentClosed
from polytask_contract.specification import Specification


class Outcome(NamedTuple):
    """What one action led to.

    `observation` holds fresh arrays; `terminated` says that the task itself ended, as opposed to
    the time limit, which LocalEnvironment keeps.
    """

    observation: dict[str, Any]
    reward: float
    terminated: bool = False


class LocalEnvironment(Environment):
    """Base of worlds in this process: implement `begin`, `advance` and, if need be, `release`."""

    def __init__(
        self, specification: Specification, task: str, seed: int, length: int | None = None
    ) -> None:
        """Prepare `task`; resets without a seed draw theirs from `seed`.

        `length` is the number of steps in an episode of this very task, None for the
        specification's; 0 for no limit.
        """
        specification.check_task(task)
        self._length = specification.episode_length if length is None else length
        self._specification = specification
        self._task = task
        self._seeds = np.random.default_rng(seed)
        self._episode = 0
        self._turn: Turn | None = None
        self._closed = False

    @abc.abstractmethod
    def begin(self, random: np.random.Generator) -> dict[str, Any]:
        """Put the world at the start of an episode, all chance drawn from `random`; observe it."""

    @abc.abstractmethod
    def advance(self, action: Action) -> Outcome:
        """Move the world by one control period under a valid action."""

    def release(self) -> None:
        """Free what the world holds; called once."""

    @property
    def specification(self) -> Specification:
        """What this environment is."""
        return self._specification

    @property
    def task(self) -> str:
        """The task that a reset begins."""
        return self._task

    @property
    def turn(self) -> Turn | None:
        """The turn that the next action answers; None while no episode is running."""
        return self._turn

    def reset(self, seed: int | None = None) -> dm_env.TimeStep:
        """Begin an episode, the same one for the same `seed`; None draws the next seed."""
        self._check_open()
        if seed is None:
            seed = int(self._seeds.integers(2**63))
        check_seed(seed)
        self._turn = None
        observation = self.begin(np.random.default_rng(seed))
        self._episode += 1
        self._turn = Turn(self._episode, 0)
        return dm_env.restart(observation)

    def act(self, turn: Turn, action: ArrayLike) -> dm_env.TimeStep:
        """Answer `turn`; raise ActionRefused, and leave the world as it is, when that cannot be."""
        self._check_open()
        check_turn(turn, self._turn)
        outcome = self.advance(checked_action(action, self._specification.action_size))
        step = turn.step + 1
        last = outcome.terminated or (self._length and step >= self._length)
        self._turn = None if last else Turn(turn.episode, step)
        return dm_env.TimeStep(
            step_type=dm_env.StepType.LAST if last else dm_env.StepType.MID,
            reward=outcome.reward,
            discount=0.0 if outcome.terminated else 1.0,
            observation=outcome.observation,
        )

    def close(self) -> None:
        """Free what the world holds; further calls do nothing."""
        if not self._closed:
            self._closed = True
            self._turn = None
            self.release()

    def _check_open(self) -> None:
        if self._closed:
            raise EnvironmentClosed(
                f"the environment of task {self._task!r} was closed; make another"
            )
