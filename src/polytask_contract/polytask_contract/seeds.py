"""What the seeds of episodes are for: a policy is tested where nothing was shown and nobody learnt.

A seed alone decides how an episode begins, so that a test on a demonstration's seed would begin as
that demonstration did.
"""

from polytask_contract.errors import PolyTaskError

# Demonstrations have the seeds below these.
TESTS = range(500_000, 1_000_000)
# Which of an expert's policies is kept is chosen on these.
VALIDATION = range(1_000_000, 1_500_000)
# An expert that has learnt plays by itself on these, for a unified policy to learn from.
PLAYED = range(1_500_000, 2_000_000)
# Practice draws from here on.
PRACTICE_FROM = 2_000_000


class SeedInUse(PolyTaskError):
    """A demonstration has a seed that is for something else; the message names the valid ones."""


def check_demonstrated(seed: int) -> None:
    """Raise SeedInUse unless a demonstration may have this `seed`."""
    if seed >= TESTS.start:
        raise SeedInUse(
            f"the seed of a demonstration is {seed}; valid: 0 to {TESTS.start - 1}, as those above "
            "are for tests, for choosing an expert and for its practice"
        )
