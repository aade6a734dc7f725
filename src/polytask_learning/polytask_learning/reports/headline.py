"""The one number that a report begins with, and where it is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from polytask_contract.seeds import VALIDATION
from polytask_contract.success import RULES, wilson_interval
from polytask_learning.training.evaluation_file import KeptEvaluation
from polytask_learning.training.loop import LoopSettings

RULE = LoopSettings.rule


@dataclass(frozen=True)
class Headline:
    """How many of the episodes on `seeds` the best expert, learnt from `steps`, succeeded in.

    `verdicts` says it of each seed by RULE, where that is known. `earned` is their mean return;
    where `full_return` is above 0, that is the measure, in parts of it.
    """

    seeds: range
    successes: Mapping[str, int]
    steps: int
    test: bool
    verdicts: tuple[bool, ...] = ()
    earned: float = 0.0
    full_return: float = 0.0

    def rate(self, rule: str) -> float:
        """Return the share of successes."""
        return self.successes[rule] / len(self.seeds)

    def interval(self, rule: str) -> tuple[float, float]:
        """Return where the true rate lies with 95 % confidence."""
        return wilson_interval(self.successes[rule], len(self.seeds))


def headline(
    kept: Sequence[KeptEvaluation],
    told: Sequence[Mapping[str, float]],
    full_return: float = 0.0,
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
            earned=mean(most.result.returns),
            full_return=full_return,
        )
    best = best_evaluation(told)
    if best is None:
        return None
    # Runs of earlier versions do not say how many there were.
    episodes = int(best.get("evaluation/episodes", LoopSettings.episodes))
    return Headline(
        seeds=VALIDATION[:episodes],
        successes={rule: round(best[f"evaluation/{rule}"] * episodes) for rule in RULES},
        steps=int(best["steps"]),
        test=False,
        earned=_earned(best),
        full_return=full_return,
    )


def best_evaluation(told: Sequence[Mapping[str, float]]) -> Mapping[str, float] | None:
    """Return the evaluation that chose the best expert: the most successes, then the best return.

    Of equals it is the later one.
    """
    name = f"evaluation/{RULE}"
    judged = [one for one in told if name in one]
    return max(judged, key=lambda one: (one[name], _earned(one), one["steps"]), default=None)


def _earned(evaluation: Mapping[str, float]) -> float:
    return evaluation.get("evaluation/return", 0.0)
