"""How far apart things are, as a part of a state.

A network that is to learn from a hundred steps cannot also learn to subtract one place from
another, and the centimetres that decide are little beside the metres of the places themselves.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# Ways are told in decimetres [m].
UNIT = 0.1

Place = NDArray[np.float64]


def ways(pairs: Iterable[tuple[Place, Place]]) -> Place:
    """Return the way [0.1 m] from the first to the second place of each pair, one after another.

    Places (3,) are in metres. Where one of the two is not there, which zeros say, so is the way.
    """
    return np.concatenate(
        [
            (there - here) / UNIT if here.any() and there.any() else np.zeros(3)
            for here, there in pairs
        ]
    )
