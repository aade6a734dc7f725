"""The one number that a report begins with, and where it is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polytask_contract.success import RULES, wilson_interval
from polytask_learning.training.evaluation_file import KeptEvaluation
from polytask_learning.training.loop import VALIDATION_SEEDS, LoopSettings

RULE = LoopSettings.rule


@dataclass(frozen=True)
class Headline:
    """How many of the episodes on `seeds` the best expert, learnt from `steps`, succeeded in.

    `verdicts` says it of each seed by RULE, where that is known.
    """

    seeds: range
    successes: Mapping[str, int]
    steps: int
    test: bool
    verdicts: tuple[bool, ...] = ()

    def rate(self, rule: str) -> float:
        """Return the share of successes."""
        return self.successes[rule] / len(self.seeds)

    def interval(self, rule: str) -> tuple[float, float]:
        """Return where the true rate lies with 95 % confidence."""
        return wilson_interval(self.successes[rule], len(self.seeds))


def headline(
    kept: Sequence[KeptEvaluation], told: Sequence[Mapping[str, float]]
) -> Headline | None:
    """Return the evaluation with most episodes, else the best that `told` has, else None."""
    if kept:
        most = max(kept, key=lambda one: len(one.seeds))
        return Headline(
            seeds=range(most.seeds[0], most.seeds[-1] + 1),
            successes={rule: most.result.successes(rule) for rule in RULES},
            steps=most.steps,
            test=True,
            verdicts=tuple(verdict[RULE] for verdict in most.result.verdicts),
        )
    best = best_evaluation(told)
    if best is None:
        return None
    seeds = range(VALIDATION_SEEDS, VALIDATION_SEEDS + LoopSettings.episodes)
    counts = {rule: round(best[f"evaluation/{rule}"] * len(seeds)) for rule in RULES}
    return Headline(seeds, counts, int(best["steps"]), test=False)


def best_evaluation(told: Sequence[Mapping[str, float]]) -> Mapping[str, float] | None:
    """Return the evaluation that chose the best expert: of equals, the later one."""
    name = f"evaluation/{RULE}"
    judged = [one for one in told if name in one]
    return max(judged, key=lambda one: (one[name], one["steps"]), default=None)
