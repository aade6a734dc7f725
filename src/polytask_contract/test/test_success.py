"""Both rules of success at their edges, and how sure a rate of success is."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from polytask_contract.success import RULES, wilson_interval


@pytest.mark.parametrize(
    ("up", "any_rule", "held_rule"),
    [(0, False, False), (1, True, False), (10, True, False), (11, True, True)],
)
def test_any_needs_one_step_and_held_more_than_ten(up, any_rule, held_rule):
    successes = [True] * up + [False] * 20
    assert RULES["any"](successes) is any_rule
    assert RULES["held"](successes) is held_rule


# Newcombe 1998, table I, method 3, to its four digits.
@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(successes, episodes, low, high):
    assert wilson_interval(successes, episodes) == pytest.approx((low, high), abs=5e-5)


@given(some.integers(1, 1000).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n))))
def test_the_interval_holds_the_rate_and_mirrors_failures(counts):
    successes, episodes = counts
    low, high = wilson_interval(successes, episodes)
    assert 0 <= low <= successes / episodes + 1e-9
    assert successes / episodes <= high + 1e-9
    assert high <= 1
    failed = wilson_interval(episodes - successes, episodes)
    assert failed == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "episodes"), [(-1, 5), (6, 5), (0, 0)])
def test_counts_that_cannot_be_are_refused(successes, episodes):
    with pytest.raises(ValueError, match=f"{successes} successes in {episodes} episodes; valid"):
        wilson_interval(successes, episodes)
