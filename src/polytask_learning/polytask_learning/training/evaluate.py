"""How good a policy is: episodes on seeds that training never sees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import dm_env

from polytask_contract.environment import Environment
from polytask_contract.success import RULES, wilson_interval
from polytask_contract.suites import Policy
from polytask_learning.settings import FULL_RETURN
from polytask_learning.training.watch import Phase, Unwatched, Watch

# Of the normal distribution, for intervals of 95 %.
DEVIATIONS = 1.96


@dataclass(frozen=True)
class Evaluation:
    """What came of episodes on `seeds`: by each rule whether it succeeded, and its return.

    Where `full_return` is above 0, not success is the measure, but the return in parts of that.
    Raise ValueError unless there is a seed, and as many verdicts and returns as seeds.
    """

    seeds: tuple[int, ...]
    verdicts: tuple[dict[str, bool], ...]
    returns: tuple[float, ...]
    full_return: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what does not belong together."""
        counts = (len(self.seeds), len(self.verdicts), len(self.returns))
        if not counts[0] or len(set(counts)) > 1:
            raise ValueError(f"seeds, verdicts and returns number {counts}; valid: alike, above 0")

    def successes(self, rule: str) -> int:
        """Return how many episodes `rule` calls a success."""
        return sum(verdict[rule] for verdict in self.verdicts)

    def rate(self, rule: str) -> float:
        """Return the share of successes."""
        return self.successes(rule) / len(self.seeds)

    def interval(self, rule: str) -> tuple[float, float]:
        """Return where the true rate lies with 95 % confidence."""
        return wilson_interval(self.successes(rule), len(self.seeds))

    def score(self, rule: str) -> float:
        """Return how much of the task is done, 0 to 1, in the suite's measure."""
        if not self.full_return:
            return self.rate(rule)
        return min(max(mean(self.returns) / self.full_return, 0.0), 1.0)

    def score_interval(self, rule: str) -> tuple[float, float]:
        """Return where the true score lies with 95 % confidence."""
        if not self.full_return:
            return self.interval(rule)
        count, score = len(self.returns), self.score(rule)
        if count == 1:
            return 0.0, 1.0
        reach = DEVIATIONS * stdev(self.returns) / math.sqrt(count) / self.full_return
        return max(score - reach, 0.0), min(score + reach, 1.0)


def evaluate(
    environment: Environment, policy: Policy, seeds: Sequence[int], watch: Watch | None = None
) -> Evaluation:
    """Let `policy` act in an episode for each of `seeds`, of which there must be one."""
    if not seeds:
        raise ValueError("there are no seeds to evaluate on; valid: one or more")
    watch, played = watch or Unwatched(), []
    for number, seed in enumerate(seeds):
        watch.at(Phase.EVALUATING, number, len(seeds))
        played.append(_play(environment, policy, seed))
    return Evaluation(
        seeds=tuple(seeds),
        verdicts=tuple(verdict for verdict, _ in played),
        returns=tuple(earned for _, earned in played),
        full_return=FULL_RETURN.get(environment.specification.suite, 0.0),
    )


def _play(environment: Environment, policy: Policy, seed: int) -> tuple[dict[str, bool], float]:
    timestep: dm_env.TimeStep = environment.reset(seed)
    successes, earned = list[bool](), 0.0
    while not timestep.last():
        timestep = environment.step(policy(timestep))
        successes.append(bool(timestep.observation["success"]))
        earned += timestep.reward
    return {name: bool(rule(successes)) for name, rule in RULES.items()}, earned
