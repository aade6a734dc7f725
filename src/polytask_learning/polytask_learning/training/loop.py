"""The loop of demonstration-guided learning (algorithm 1 of the paper).

An episode is acted out, and then learnt from: gradients never make an environment wait, as one of
real time would not. Everything a later step depends on is in `state`, at the end of any episode:
networks, optimisers, chance, counters, the rewards' scale, and the numbers of episodes that the
memories are restored from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from polytask_contract import seeds
from polytask_contract.environment import Action, Environment
from polytask_contract.episodes.collect import HOLD
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.recording import Recording
from polytask_contract.errors import PolyTaskError
from polytask_learning.agents.expert import Expert
from polytask_learning.settings import ExpertSettings
from polytask_learning.training.acting import ActingPolicy
from polytask_learning.training.evaluate import Evaluation, evaluate
from polytask_learning.training.rewarding import Rewarding
from polytask_learning.training.watch import Phase, Unwatched, Watch
from polytask_learning.types import Batch

# States that the first practice is measured by.
MEASURED = 2000


class Memory(Protocol):
    """What transitions are sampled from."""

    def __len__(self) -> int:
        """Return how many transitions there are."""

    def add(self, episode: Episode) -> None:
        """Keep an episode."""

    def sample(self, count: int, random: np.random.Generator) -> Batch:
        """Return `count` transitions, drawn by `random`."""


class Memories(NamedTuple):
    """What is learnt from: what was practised, what was shown, and own episodes worth imitating."""

    practised: Memory
    shown: Memory
    imitable: Memory


class NotFinite(PolyTaskError):
    """A loss became infinite or no number; the message says which, and after how many updates."""


@dataclass(frozen=True)
class LoopSettings:
    """How long to learn, and how often to look.

    `steps` are actions. The policy is evaluated every
    `evaluate_every` steps on `episodes` seeds; it is solved, and learning ends, when `solved`
    evaluations in a row succeed in all of them by the rule `rule`, or return `enough` in the mean.
    `frame_stack` is how many pictures an agent sees at once; 0 for states.
    """

    steps: int
    evaluate_every: int = 2500
    episodes: int = 20
    solved: int = 2
    rule: str = "held"
    enough: float = float("inf")
    frame_stack: int = 0


@dataclass
class Progress:
    """How far a learner is, in numbers that JSON can keep.

    `imitable` counts the own episodes that were worth imitating, `perfect` the latest evaluations
    in a row that were as good as can be asked; `best` is the best of them's success, `best_return`
    its return.
    """

    steps: int = 0
    episodes: int = 0
    imitable: int = 0
    perfect: int = 0
    best: float = -1.0
    best_return: float = 0.0
    finished: bool = False


class Loop:
    """Lets an expert act, remember and learn, an episode at a time."""

    def __init__(
        self,
        environments: tuple[Environment, Environment],
        expert: Expert,
        settings: tuple[ExpertSettings, LoopSettings],
        memories: Memories,
        rewarding: Rewarding,
        seed: int,
        watch: Watch | None = None,
    ) -> None:
        """Prepare; the demonstrations are in their memory already.

        In the first of `environments` it practises, in the second it is judged: they may be one.
        """
        self._environment, self._judged_in = environments
        self._expert = expert
        self._expert_settings, self._settings = settings
        self._memories = memories
        self._rewarding = rewarding
        self._random = np.random.default_rng(seed)
        frames = self._settings.frame_stack
        self._explorer = ActingPolicy(expert, frame_stack=frames, explore=True)
        self._policy = ActingPolicy(expert, frame_stack=frames)
        self.progress = Progress()
        self._watch: Watch = watch or Unwatched()

    def imitate(self) -> dict[str, float]:
        """Clone the demonstrations' behaviour, if there are any; return the last metrics."""
        metrics: dict[str, float] = {}
        updates = self._expert_settings.imitation_updates if self._is_shown else 0
        for done in range(updates):
            self._watch.at(Phase.CLONING, done, updates)
            batch = self._memories.shown.sample(self._expert_settings.batch, self._random)
            metrics = self._expert.imitate(batch)
        self._rewarding.refresh()
        return self._checked(metrics)

    def run_episode(self) -> dict[str, float]:
        """Act for one episode, then learn as many times as there were steps; return metrics."""
        episode = self._practise()
        metrics = {
            "episode/return": float(episode.rewards.sum()),
            "episode/success": float(episode.verdicts[self._settings.rule]),
            "episode/number": float(self.progress.episodes + 1),
        }
        practised = self._rewarding.practised(episode)
        metrics["episode/reward"] = float(practised.rewards.sum())
        self._memories.practised.add(practised)
        if self._expert_settings.own_successes and self._rewarding.is_worth_imitating(practised):
            self._memories.imitable.add(_until_held(practised))
            self.progress.imitable += 1
        self.progress.episodes += 1
        before = self.progress.steps
        self.progress.steps += len(episode)
        if before < self._expert_settings.first_steps <= self.progress.steps:
            self._begin_learning()
        if self.progress.steps >= self._expert_settings.first_steps:
            for _ in range(self._expert_settings.updates_per_step * len(episode)):
                self._watch.at(Phase.LEARNING, self.progress.steps, self._settings.steps)
                learnt = self._expert.update(*self._drawn())
            metrics |= learnt
        return self._checked(metrics | {"steps": float(self.progress.steps)})

    def _begin_learning(self) -> None:
        """Find out how large states are: where nothing is demonstrated, only practice tells."""
        if self._expert_settings.measured and not self._is_shown:
            seen = self._memories.practised.sample(MEASURED, self._random).observation
            self._expert.measure(seen)

    def _practise(self) -> Episode:
        seed = seeds.PRACTICE_FROM + int(self._random.integers(2**40))
        timestep = self._environment.reset(seed)
        recording = Recording(timestep)
        lost = self.progress.steps < self._expert_settings.first_steps and not self._is_shown
        while not timestep.last():
            steps = self.progress.steps + len(recording)
            self._watch.at(Phase.LEARNING, steps, self._settings.steps)
            action = self._guess() if lost else self._explorer(timestep)
            timestep = self._environment.step(action)
            recording.add(action, timestep)
        specification, task = self._environment.specification, self._environment.task
        return recording.episode(specification, task, seed, "policy")

    @property
    def _is_shown(self) -> bool:
        return len(self._memories.shown) > 0

    def _guess(self) -> Action:
        size = self._environment.specification.action_size
        return self._random.uniform(-1, 1, size).astype(np.float32)

    def _drawn(self) -> tuple[Batch, Batch]:
        """Return a batch of practice, and one of what is to be imitated."""
        settings, memories, random = self._expert_settings, self._memories, self._random
        imitated = max(1, round(settings.batch * (settings.demonstrated or 1.0)))
        own = round(imitated * settings.own_successes) if len(memories.imitable) else 0
        shown = imitated - own if self._is_shown else 0
        fresh = settings.batch - shown - own if settings.demonstrated else settings.batch
        practised = memories.practised.sample(fresh, random)
        parts = [memories.practised.sample(0, random)]
        if shown:
            parts.append(memories.shown.sample(shown, random))
        if own:
            parts.append(memories.imitable.sample(own, random))
        return practised, Batch(*map(torch.cat, zip(*parts, strict=True)))

    def is_due(self, steps_before: int) -> bool:
        """Tell whether an evaluation falls between `steps_before` and now, or now is the end."""
        steps, period = self.progress.steps, self._settings.evaluate_every
        return steps // period > steps_before // period or steps >= self._settings.steps

    def judge(self) -> tuple[Evaluation, bool]:
        """Evaluate the policy; return the result and whether it is the best so far.

        Of those that succeed as often, the one with the greatest return is better.
        """
        validated = seeds.VALIDATION[: self._settings.episodes]
        result = evaluate(self._judged_in, self._policy, validated, self._watch)
        rate, earned = result.rate(self._settings.rule), float(np.mean(result.returns))
        progress = self.progress
        # Of equals the later one has learnt from more.
        better = (rate, earned) >= (progress.best, progress.best_return)
        if better:
            progress.best, progress.best_return = rate, earned
        perfect = rate == 1.0 or earned >= self._settings.enough
        progress.perfect = progress.perfect + 1 if perfect else 0
        solved = progress.perfect >= self._settings.solved
        progress.finished = solved or progress.steps >= self._settings.steps
        return result, better

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
            "rewarding": self._rewarding.state_dict(),
            "random": self._random.bit_generator.state,
            "progress": vars(self.progress).copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`; the memories are to be restored to as many episodes as it says."""
        self._expert.load_state_dict(state["expert"])
        self._rewarding.load_state_dict(state["rewarding"])
        self._random.bit_generator.state = state["random"]
        self.progress = Progress(**state["progress"])


def _until_held(episode: Episode) -> Episode:
    """Return `episode` up to where it was as long successful as a demonstration is, if ever.

    What came later may have undone it.
    """
    done = np.cumsum(episode.successes) >= HOLD
    return episode.until(int(done.argmax()) + 1) if done.any() else episode
