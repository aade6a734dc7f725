"""The loop of demonstration-guided learning (algorithm 1 of the paper).

Everything a later step depends on is in `state`, at the end of any episode: networks, optimisers,
chance, counters, and the number of episodes that the replay is restored from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.recording import Recording
from polytask_contract.errors import PolyTaskError
from polytask_learning.agents.expert import Expert
from polytask_learning.settings import ExpertSettings
from polytask_learning.training.acting import ActingPolicy
from polytask_learning.training.evaluate import Evaluation, evaluate
from polytask_learning.types import Batch

# Seeds of the evaluations that choose the best policy: none that trains, and none that tests.
VALIDATION_SEEDS = 1_000_000
TRAINING_SEEDS = 2_000_000


class Memory(Protocol):
    """What transitions are sampled from."""

    def __len__(self) -> int:
        """Return how many transitions there are."""

    def add(self, episode: Episode) -> None:
        """Keep an episode."""

    def sample(self, count: int, random: np.random.Generator) -> Batch:
        """Return `count` transitions, drawn by `random`."""


class NotFinite(PolyTaskError):
    """A loss became infinite or no number; the message says which, and after how many updates."""


@dataclass(frozen=True)
class LoopSettings:
    """How long to learn, and how often to look.

    `steps` are actions. Learning begins after `first_steps`. The policy is evaluated every
    `evaluate_every` steps on `episodes` seeds; it is solved, and learning ends, when `solved`
    evaluations in a row succeed in all of them by the rule `rule`.
    """

    steps: int
    first_steps: int = 500
    updates_per_step: int = 1
    evaluate_every: int = 2500
    episodes: int = 10
    solved: int = 3
    rule: str = "held"
    # How many pictures an agent sees at once; 0 for states.
    frame_stack: int = 0


@dataclass
class Progress:
    """How far a learner is, in numbers that JSON can keep."""

    steps: int = 0
    episodes: int = 0
    perfect: int = 0
    best: float = -1.0
    finished: bool = False


class Loop:
    """Lets an expert act, remember and learn, an episode at a time."""

    def __init__(
        self,
        environment: Environment,
        expert: Expert,
        settings: tuple[ExpertSettings, LoopSettings],
        memory: Memory,
        demonstrations: Memory,
        rewards: Callable[[Episode], Episode],
        seed: int,
    ) -> None:
        """Prepare; `rewards` gives an episode of the environment the rewards to learn from."""
        self._environment = environment
        self._expert = expert
        self._expert_settings, self._settings = settings
        self._memory, self._demonstrations = memory, demonstrations
        self._rewards = rewards
        self._random = np.random.default_rng(seed)
        frames = self._settings.frame_stack
        self._explorer = ActingPolicy(expert, frame_stack=frames, explore=True)
        self._policy = ActingPolicy(expert, frame_stack=frames)
        self.progress = Progress()

    def imitate(self) -> dict[str, float]:
        """Clone the demonstrations' behaviour; return the last metrics."""
        metrics: dict[str, float] = {}
        for _ in range(self._expert_settings.imitation_updates):
            batch = self._demonstrations.sample(self._expert_settings.batch, self._random)
            metrics = self._expert.imitate(batch)
        return self._checked(metrics)

    def run_episode(self) -> tuple[Episode, dict[str, float]]:
        """Act for one episode, learning after each step; return it and the last metrics."""
        seed = TRAINING_SEEDS + int(self._random.integers(2**40))
        timestep = self._environment.reset(seed)
        recording = Recording(timestep)
        metrics: dict[str, float] = {}
        while not timestep.last():
            action = self._explorer(timestep)
            timestep = self._environment.step(action)
            recording.add(action, timestep)
            self.progress.steps += 1
            if len(self._memory) >= self._settings.first_steps:
                metrics = self._learn()
        specification, task = self._environment.specification, self._environment.task
        episode = self._rewards(recording.episode(specification, task, seed, "policy"))
        self._memory.add(episode)
        self.progress.episodes += 1
        return episode, self._checked(metrics)

    def is_due(self, steps_before: int) -> bool:
        """Tell whether an evaluation falls between `steps_before` and now, or now is the end."""
        steps, period = self.progress.steps, self._settings.evaluate_every
        return steps // period > steps_before // period or steps >= self._settings.steps

    def judge(self) -> tuple[Evaluation, bool]:
        """Evaluate the policy; return the result and whether it is the best so far."""
        seeds = range(VALIDATION_SEEDS, VALIDATION_SEEDS + self._settings.episodes)
        result = evaluate(self._environment, self._policy, seeds)
        rate = result.rate(self._settings.rule)
        progress = self.progress
        # Of equals the later one has learnt from more.
        better = rate >= progress.best
        progress.best = max(rate, progress.best)
        progress.perfect = progress.perfect + 1 if rate == 1.0 else 0
        solved = progress.perfect >= self._settings.solved
        progress.finished = solved or progress.steps >= self._settings.steps
        return result, better

    def _learn(self) -> dict[str, float]:
        settings = self._expert_settings
        shown = max(1, round(settings.batch * (settings.demonstrated or 1.0)))
        fresh = settings.batch - shown if settings.demonstrated else settings.batch
        metrics: dict[str, float] = {}
        for _ in range(self._settings.updates_per_step):
            batch = self._memory.sample(fresh, self._random)
            metrics = self._expert.update(batch, self._demonstrations.sample(shown, self._random))
        return metrics

    def _checked(self, metrics: dict[str, float]) -> dict[str, float]:
        for name, value in metrics.items():
            if not np.isfinite(value):
                steps = self.progress.steps
                raise NotFinite(f"{name} is {value} after {steps} steps; valid: a finite number")
        return metrics

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from; to be asked for between episodes."""
        return {
            "expert": self._expert.state_dict(),
            "random": self._random.bit_generator.state,
            "progress": vars(self.progress).copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; the memory is to be restored to `progress.episodes` episodes."""
        self._expert.load_state_dict(state["expert"])
        self._random.bit_generator.state = state["random"]
        self.progress = Progress(**state["progress"])
