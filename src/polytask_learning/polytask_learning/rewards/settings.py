"""What a matching reward is computed with."""

from dataclasses import dataclass

from polytask_contract.errors import UnknownName
from polytask_learning.rewards.matching import MATCHINGS
from polytask_learning.rewards.sinkhorn import EPSILON, ITERATIONS
from polytask_learning.settings import InvalidSetting


@dataclass(frozen=True)
class RewardSettings:
    """How an episode is matched and scaled; the defaults are the paper's.

    `matching` is a name in MATCHINGS; `epsilon`, `iterations` and `tolerance` are those of
    `sinkhorn`; `first_total` is what the rewards of the first episode are scaled to sum to, None
    for no scaling. Raise UnknownName or InvalidSetting for what no reward can be computed with.
    """

    matching: str = "sinkhorn_cosine"
    epsilon: float = EPSILON
    iterations: int = ITERATIONS
    tolerance: float | None = None
    first_total: float | None = -10.0

    def __post_init__(self) -> None:
        """Check each setting."""
        if self.matching not in MATCHINGS:
            raise UnknownName("matching reward", self.matching, MATCHINGS)
        _check("epsilon", self.epsilon, self.epsilon > 0, "above 0")
        _check("iterations", self.iterations, self.iterations >= 1, "at least 1")
        tolerance, total = self.tolerance, self.first_total
        _check("tolerance", tolerance, tolerance is None or tolerance > 0, "None or above 0")
        _check("first_total", total, total is None or total < 0, "None or below 0")


def _check(name: str, value: object, holds: bool, valid: str) -> None:
    if not holds:
        raise InvalidSetting(f"{name} is {value}; valid: {valid}")
