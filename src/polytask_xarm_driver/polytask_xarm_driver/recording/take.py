"""One try at an episode: what was seen of it, and whether it is to be kept."""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import dm_env
import numpy as np

from polytask_contract.environment import Action
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.recording import Recording
from polytask_contract.specification import Specification

SOURCE = "teleoperation"


class Word(IntEnum):
    """What an operator can say; the values are those of polytask_msgs/OperatorEvent."""

    START = 0
    SUCCESS = 1
    CANCEL = 2


class Seen(NamedTuple):
    """One observation of an episode.

    `action` led to it, None for the first; `stopped` is why the episode was stopped from outside,
    None where it was not; `stamp` is the time of its acquisition since the epoch [ns], `published`
    that of its publication, 0 where it was not published.
    """

    episode: int
    step: int
    timestep: dm_env.TimeStep
    action: Action | None
    stopped: str | None
    stamp: int
    published: int = 0


class Verdict(NamedTuple):
    """What becomes of an episode, and why."""

    kept: bool
    reason: str


class Take:
    """Collects the observations of one episode until there is a verdict.

    Observations may come before it is known which episode the reset began: `begin` tells.
    """

    def __init__(
        self, hold_steps: int, longest: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep an episode once success was up for `hold_steps` steps in a row; 0: never for that.

        One of `longest` steps that goes on is thrown away. `now` tells monotonic seconds. `number`
        is the environment's name for the episode, None until it has begun.
        """
        self._hold_steps = hold_steps
        self._longest = longest
        self._now = now
        self._heard = now()
        self.number: int | None = None
        self._early: list[Seen] = []
        self._seen: list[Seen] = []
        self._held = 0
        self._marked = False
        self._verdict: Verdict | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What becomes of the episode; None while it goes on. The first verdict stays."""
        return self._verdict

    @property
    def steps(self) -> int:
        """Actions of the episode so far."""
        return max(0, len(self._seen) - 1)

    @property
    def stamps(self) -> list[int]:
        """When each observation so far was acquired, since the epoch [ns]."""
        return [seen.stamp for seen in self._seen]

    @property
    def published(self) -> int:
        """When the newest observation of the episode was published [ns]; 0 before there is one."""
        return self._seen[-1].published if self._seen else 0

    @property
    def silence(self) -> float:
        """Time since the last observation of the episode, or since it began [s]."""
        return self._now() - self._heard

    def begin(self, first: Seen) -> None:
        """Take `first` for what the reset led to, and what came early for what follows."""
        self.number = first.episode
        self._heard = self._now()
        early, self._early = self._early, []
        for seen in [first, *early]:
            if seen.episode == first.episode:
                self._take(seen)

    def see(self, seen: Seen) -> None:
        """Note an observation; those of other episodes do not count."""
        if self.number is not None:
            if seen.episode == self.number:
                self._take(seen)
        else:
            # Only the newest of the episodes that come can be the one that the reset began.
            same = self._early and self._early[-1].episode == seen.episode
            self._early = [*self._early, seen] if same else [seen]

    def hear(self, word: Word) -> None:
        """Note what the operator says; there is no success where nothing was done yet."""
        if word == Word.CANCEL:
            self.give_up("the operator gave it up")
        elif word == Word.SUCCESS and self._verdict is None and self.steps:
            self._marked = True
            self._verdict = Verdict(True, "the operator called it a success")

    def give_up(self, reason: str) -> None:
        """Throw the episode away, unless there is a verdict already."""
        self._verdict = self._verdict or Verdict(False, reason)

    def episode(self, specification: Specification, task: str, seed: int) -> Episode:
        """Return what was seen as an episode of `task`; raise InvalidEpisode if it is none.

        Where the operator's word decided, `success` is true in the last observation.
        """
        recording = Recording(self._seen[0].timestep)
        for seen in self._seen[1:-1]:
            recording.add(_action(seen), seen.timestep)
        last = self._seen[-1]
        recording.add(_action(last), _marked(last.timestep) if self._marked else last.timestep)
        return recording.episode(specification, task, seed, SOURCE)

    def _take(self, seen: Seen) -> None:
        self._heard = self._now()
        expected = len(self._seen)
        # What was answered already is sent again when its answer did not arrive.
        if self._verdict is not None or seen.step < expected:
            return
        if seen.stopped is not None:
            self.give_up(f"the environment stopped it: {seen.stopped}")
        elif seen.step > expected:
            self.give_up(f"step {expected} did not arrive, step {seen.step} came after it")
        elif seen.timestep.first() != (expected == 0):
            self.give_up(f"step {seen.step} is of type {seen.timestep.step_type.name}")
        else:
            self._seen.append(seen)
            self._judge(seen.timestep)

    def _judge(self, timestep: dm_env.TimeStep) -> None:
        success = bool(timestep.observation["success"])
        self._held = self._held + 1 if success and self.steps else 0
        if 0 < self._hold_steps <= self._held:
            self._verdict = Verdict(True, f"success was up for {self._held} steps in a row")
        elif timestep.last():
            self._verdict = Verdict(success, f"it ended {'with' if success else 'without'} success")
        elif self.steps >= self._longest:
            self.give_up(f"it was not over after {self._longest} steps")


def _action(seen: Seen) -> Action:
    """Return the action before an observation; one that is missing makes no episode."""
    return np.empty(0, np.float32) if seen.action is None else seen.action


def _marked(timestep: dm_env.TimeStep) -> dm_env.TimeStep:
    """Return the time step with success."""
    observation = {**timestep.observation, "success": np.array(True)}
    return timestep._replace(observation=observation)
