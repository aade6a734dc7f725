"""Both rules of success, at their edges."""

import pytest

from polytask_contract.success import RULES


@pytest.mark.parametrize(
    ("up", "any_rule", "held_rule"),
    [(0, False, False), (1, True, False), (10, True, False), (11, True, True)],
)
def test_any_needs_one_step_and_held_more_than_ten(up, any_rule, held_rule):
    successes = [True] * up + [False] * 20
    assert RULES["any"](successes) is any_rule
    assert RULES["held"](successes) is held_rule
