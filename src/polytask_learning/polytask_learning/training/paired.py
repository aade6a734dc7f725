"""Two experts on the same seeds: where they differ, and whether that may be chance."""

import math
from dataclasses import dataclass

from polytask_learning.training.evaluate import Evaluation


@dataclass(frozen=True)
class Paired:
    """How many seeds both, only one and neither of two experts succeeded on."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def p_value(self) -> float:
        """How likely experts that are equally good differ so much or more, by the sign test.

        Exact and two-sided (McNemar 1947, on the seeds where just one succeeded).
        """
        differing = self.only_first + self.only_second
        fewer = min(self.only_first, self.only_second)
        tail = sum(math.comb(differing, count) for count in range(fewer + 1))
        return min(1.0, 2 * tail / (1 << differing))


def paired(first: Evaluation, second: Evaluation, rule: str) -> Paired:
    """Compare two evaluations by `rule`; raise ValueError unless their seeds are the same."""
    if first.seeds != second.seeds:
        raise ValueError(f"the seeds are {first.seeds} and {second.seeds}; valid: the same")
    pairs = [
        (one[rule], other[rule]) for one, other in zip(first.verdicts, second.verdicts, strict=True)
    ]
    return Paired(
        both=pairs.count((True, True)),
        only_first=pairs.count((True, False)),
        only_second=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )
