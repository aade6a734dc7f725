"""How fast pictures really come."""

from collections import deque
from itertools import pairwise
from statistics import median

# So many intervals tell a rate, or what is usual by now.
STREAK = 3


class Pace:
    """The arrivals within a window of time, and at least the last few of them."""

    def __init__(self, window: float) -> None:
        """Look back over `window` seconds, and over STREAK intervals however long they were."""
        self._window = window
        self._arrivals: deque[float] = deque()

    def arrive(self, now: float) -> None:
        """Note a picture that came `now` [s], later than those before."""
        self._arrivals.append(now)
        while len(self._arrivals) > STREAK + 1 and now - self._arrivals[0] > self._window:
            self._arrivals.popleft()

    @property
    def newest(self) -> float | None:
        """When the last picture came [s]; None before the first."""
        return self._arrivals[-1] if self._arrivals else None

    def rate(self) -> float | None:
        """Return the pictures a second up to the last one [1/s]; None before it can be told."""
        count, span = len(self._arrivals) - 1, 0.0
        if count >= STREAK:
            span = self._arrivals[-1] - self._arrivals[0]
        return count / span if span else None

    def period(self) -> float:
        """Return the interval between pictures that is usual by now [s]; 0 before it can be told.

        The median of the last few: one gap is no new usage, a camera that has become slow is.
        """
        recent = list(self._arrivals)[-(STREAK + 1) :]
        if len(recent) <= STREAK:
            return 0.0
        return median(later - earlier for earlier, later in pairwise(recent))
