"""How a node looks on while its thread learns: it may break it off, and let it wait."""

import time
from typing import Any

from polytask_contract.errors import PolyTaskError
from polytask_learning.ros.learning_report import LearningReport
from polytask_learning.ros.work import Work
from polytask_learning.training.watch import Phase

# An environment that failed is tried again after so long [s].
RETRY_PERIOD = 2.0


class PatientWatch:
    """Notes where a learner stands, and bears with an environment that is away for a while."""

    def __init__(self, work: Work[Any], report: LearningReport, give_up_after: float) -> None:
        """Bear with failures until no episode has ended for `give_up_after` seconds."""
        self._work, self._report, self._patience = work, report, give_up_after
        self._failing_since: float | None = None

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Note it; raise Cancelled if that was asked for."""
        self._work.check()
        self._report.at(phase, done, total)

    def well(self) -> None:
        """Forget what the environment has failed by."""
        self._failing_since = None

    def lost(self, error: PolyTaskError) -> None:
        """Wait a little; raise `error` when that has been of no use for too long."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > self._patience:
            raise error
        self._report.wait(str(error))
        self._work.pause(RETRY_PERIOD)
