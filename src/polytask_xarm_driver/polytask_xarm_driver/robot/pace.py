"""Whether the periods of an episode come when they should."""

from dataclasses import dataclass


@dataclass
class Pace:
    """Counts periods, those later than `budget` [s], and the worst lateness [s]."""

    period: float
    budget: float
    periods: int = 0
    late: int = 0
    worst: float = 0.0
    _due: float | None = None

    def start(self, now: float) -> None:
        """Expect the first period to end one `period` after `now` [s]."""
        self._due = now + self.period

    def tick(self, now: float) -> None:
        """Take note that a period ends at `now` [s]."""
        if self._due is None:
            return
        lateness = now - self._due
        self.periods += 1
        self.late += lateness > self.budget
        self.worst = max(self.worst, lateness)
        # Against a timer that keeps its rhythm, one late period does not make the next one late.
        self._due = max(self._due, now - self.period) + self.period
