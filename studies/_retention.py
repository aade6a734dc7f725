"""How sure it is what is left of experts: chance of the tests, which policy and expert share."""

from collections.abc import Iterable

import numpy as np

from polytask_learning.training.evaluate import Evaluation

RESAMPLES = 10_000
BOUNDS = (0.025, 0.975)


def retention_interval(tested: Iterable[tuple[Evaluation, Evaluation]]) -> tuple[float, float]:
    """Return where with 95 % confidence a policy's returns in parts of its experts' lie.

    `tested` has the policy and the expert for each task of each learner, on the same seeds. Tests
    are drawn anew within each, so it does not tell how much other learners would differ. Raise
    ValueError for other seeds.
    """
    random = np.random.default_rng(0)
    sums = np.zeros((2, RESAMPLES))
    for policy, expert in tested:
        if policy.seeds != expert.seeds:
            raise ValueError(f"the seeds are {policy.seeds} and {expert.seeds}; valid: the same")
        count = len(policy.seeds)
        drawn = random.integers(count, size=(RESAMPLES, count))
        sums += [np.array(one.returns)[drawn].mean(axis=1) for one in (policy, expert)]
    low, high = np.quantile(sums[0] / sums[1], BOUNDS)
    return float(low), float(high)
