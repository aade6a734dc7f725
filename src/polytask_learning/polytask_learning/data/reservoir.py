"""A uniform sample of a stream of steps, in memory that does not grow with the stream."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polytask_contract.errors import PolyTaskError


class InvalidSample(PolyTaskError):
    """A sample of so many was asked for that there cannot be; the message names the number."""


class Reservoir:
    """Keeps `keep` items of a stream, each subset of that size as likely as any other.

    Each item draws a key, and those of the smallest keys stay: a reservoir in Vitter's sense, with
    which blocks are as good as single items. What is kept depends on the seed and on the number of
    items, and not on how they came.
    """

    def __init__(self, keep: int, seed: int) -> None:
        """Start with an empty stream; raise InvalidSample unless `keep` is at least 1."""
        if keep < 1:
            raise InvalidSample(f"{keep} are to be kept; valid: 1 or more")
        self._keep = keep
        self._random = np.random.default_rng(seed)
        self._keys: NDArray[np.float64] = np.zeros(0)
        self._places: NDArray[np.int64] = np.zeros(0, np.int64)
        self._bound = np.inf
        self.offered = 0

    def offer(self, count: int) -> None:
        """Let the next `count` items of the stream pass, which may be none."""
        keys = self._random.random(count)
        chosen = np.flatnonzero(keys < self._bound)
        self._keys = np.concatenate([self._keys, keys[chosen]])
        self._places = np.concatenate([self._places, self.offered + chosen])
        self.offered += count
        # Not at once: sorting out is dear, and a few too many do no harm in the meantime.
        if len(self._keys) > 2 * self._keep:
            self._sort_out()

    def kept(self) -> NDArray[np.int64]:
        """Return the places in the stream of the items that are kept, from 0, ascending."""
        self._sort_out()
        return np.sort(self._places)

    def _sort_out(self) -> None:
        if len(self._keys) > self._keep:
            smallest = np.argpartition(self._keys, self._keep - 1)[: self._keep]
            self._keys, self._places = self._keys[smallest], self._places[smallest]
            self._bound = float(self._keys.max())


def sampled_steps(lengths: Sequence[int], keep: int, seed: int) -> list[NDArray[np.int64]]:
    """Return for each of the episodes, of `lengths` in steps, which of its steps are kept.

    Of all steps `keep` are, or all where there are not so many; raise InvalidSample as Reservoir.
    """
    reservoir = Reservoir(keep, seed)
    for length in lengths:
        reservoir.offer(length)
    kept = reservoir.kept()
    ends = np.cumsum(lengths, dtype=np.int64)
    parts = np.split(kept, np.searchsorted(kept, ends[:-1]))
    return [part - (end - length) for part, end, length in zip(parts, ends, lengths, strict=True)]
