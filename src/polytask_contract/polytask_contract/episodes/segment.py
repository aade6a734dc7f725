"""Long play cut into demonstrations of single tasks, as the paper does with the kitchen's data.

The recorded actions are applied again, without looking, and whatever task is accomplished on the
way is noted. A snippet goes from where the task before was accomplished to where its own is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from polytask_contract.environment import Environment
from polytask_contract.episodes.collect import HOLD
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.recording import Recording
from polytask_contract.errors import PolyTaskError


class InvalidPlay(PolyTaskError):
    """A recording of play is broken or does not fit a suite; the message names the value."""


@runtime_checkable
class Accomplishing(Protocol):
    """An environment that knows of all its suite's tasks which are accomplished."""

    def accomplished(self) -> frozenset[str]:
        """Return the names of the specification's tasks that are accomplished in this state."""


@dataclass(frozen=True)
class Play:
    """Actions (T, size) that somebody took from the start of an episode on, float32."""

    actions: NDArray[np.float32]


def segment(play: Play, environment: Environment, seed: int, *, hold: int = HOLD) -> list[Episode]:
    """Return a demonstration for each task that `play` accomplishes, in that order.

    It is rolled out from the reset of `seed`; its actions are cut to [-1, 1], as the environments
    it was recorded in do. A snippet goes on while its task stays accomplished, for up to `hold`
    steps, so it may share steps with the next. It has a reward of 1 in the step that accomplishes
    its task and 0 elsewhere, `success` tells of its own task, and its seed is None. A task counts
    once, and not if a reset leaves it accomplished. Raise InvalidPlay if the play does not fit.
    """
    teller = check_fits(play, environment)
    timestep = environment.reset(seed)
    recording = Recording(timestep)
    accomplished = [teller.accomplished()]
    for action in np.clip(play.actions, -1.0, 1.0):
        if timestep.last():
            break
        timestep = environment.step(action)
        recording.add(action, timestep)
        accomplished.append(teller.accomplished())
    if not len(recording):
        return []
    whole = recording.episode(environment.specification, environment.task, None, "play")
    return _cut(whole, accomplished, hold)


def check_fits(play: Play, environment: Environment) -> Accomplishing:
    """Return `environment` as one that tells of all tasks; raise InvalidPlay if it cannot be used.

    That is, if it does not tell, or takes other actions than those of `play`.
    """
    if not isinstance(environment, Accomplishing):
        raise InvalidPlay(
            f"suite {environment.specification.suite!r} does not tell which of its tasks are "
            "accomplished, so play cannot be cut into tasks"
        )
    size = environment.specification.action_size
    if play.actions.ndim != 2 or play.actions.shape[1] != size:
        raise InvalidPlay(f"the play's actions are {play.actions.shape}; valid: (steps, {size})")
    return environment


def _cut(whole: Episode, accomplished: Sequence[frozenset[str]], hold: int) -> list[Episode]:
    snippets = []
    done = accomplished[0]
    start = before = 0
    for moment, tasks in enumerate(accomplished):
        for task in sorted(tasks - done):
            # Two tasks may be accomplished by one step; both begin where the one before did.
            start, before = (before, moment) if moment > before else (start, before)
            success = np.array([task in names for names in accomplished])
            snippets.append(_snippet(whole, task, success, start, moment, hold))
        done |= tasks
    return snippets


def _snippet(
    whole: Episode, task: str, success: NDArray[np.bool_], start: int, moment: int, hold: int
) -> Episode:
    end = moment
    while end + 1 < min(len(success), moment + hold) and success[end + 1]:
        end += 1
    seen = slice(start, end + 1)
    taken = slice(start, end)
    rewards = np.zeros(end - start)
    rewards[moment - start - 1] = 1.0
    return replace(
        whole,
        task=task,
        observations={
            **{name: values[seen] for name, values in whole.observations.items()},
            "success": success[seen],
        },
        actions=whole.actions[taken],
        rewards=rewards,
        discounts=np.ones(end - start),
    )
