"""What counts as a successful episode, told from the `success` of each of its steps."""

import math
from collections.abc import Callable, Mapping, Sequence

# The paper's rule: the flag is up for more than so many steps.
HELD_STEPS = 10

Rule = Callable[[Sequence[bool]], bool]


def held(successes: Sequence[bool]) -> bool:
    """Tell whether the task was accomplished in more than HELD_STEPS steps, as the paper counts."""
    return sum(successes) > HELD_STEPS


# Meta-World's own rule is `any`: accomplished once.
RULES: Mapping[str, Rule] = {"any": any, "held": held}


def wilson_interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return where the true rate of success lies with 95 % confidence (Wilson 1927).

    Raise ValueError unless 0 <= `successes` <= `episodes` and there is an episode.
    """
    if not (0 <= successes <= episodes and episodes > 0):
        raise ValueError(
            f"{successes} successes in {episodes} episodes; valid: 0 to all of 1 or more"
        )
    z = 1.959964
    rate, share = successes / episodes, z * z / episodes
    middle = (rate + share / 2) / (1 + share)
    spread = z / (1 + share) * math.sqrt(rate * (1 - rate) / episodes + share / (4 * episodes))
    return max(0.0, middle - spread), min(1.0, middle + spread)
