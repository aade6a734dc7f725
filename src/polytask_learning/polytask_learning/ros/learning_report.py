"""Where a learner stands: written by the thread that learns, read by the node that tells of it."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from polytask_contract.success import wilson_interval
from polytask_learning.training.watch import Phase
from polytask_msgs.msg import LearningStatus

PHASES = {
    Phase.CLONING: LearningStatus.CLONING,
    Phase.LEARNING: LearningStatus.LEARNING,
    Phase.EVALUATING: LearningStatus.EVALUATING,
    Phase.RELABELLING: LearningStatus.RELABELLING,
    Phase.DISTILLING: LearningStatus.DISTILLING,
}
# Phases that are counted by steps or updates; the others come in between.
COUNTED = (Phase.CLONING, Phase.LEARNING, Phase.DISTILLING)
# Phases in which nothing goes on any more.
ENDED = (LearningStatus.IDLE, LearningStatus.FINISHED, LearningStatus.FAILED)
# What is over after so long says nothing about the speed any more [s].
LATELY = 30.0


class LearningReport:
    """The newest of everything that a LearningStatus says; any thread may read and write it."""

    def __init__(self, run: str = "", task: str = "") -> None:
        """Begin with nothing done, for the run at `run` and its `task`, if it is but one."""
        self._lock = threading.Lock()
        self._status = LearningStatus(run=run, task=task, remaining=float("nan"))
        nothing = float("nan")
        self._status.success = self._status.success_low = self._status.success_high = nothing
        self._metrics: dict[str, float] = {}
        self._ended = False
        # When how many steps were done, in this phase.
        self._done: deque[tuple[float, int]] = deque()

    @property
    def has_ended(self) -> bool:
        """Whether somebody has said how it ended."""
        return self._ended

    def at(self, phase: Phase, done: int, total: int) -> None:
        """Take note of how much of a phase is done."""
        with self._lock:
            status = self._status
            if PHASES[phase] != status.phase and phase in COUNTED:
                self._done.clear()
            status.phase, status.message = PHASES[phase], ""
            if phase in COUNTED:
                status.step, status.total_steps = done, total
                self._done.append((time.monotonic(), done))
            elif total:
                status.message = f"{done} of {total} episodes"

    def tell(self, metrics: Mapping[str, float]) -> None:
        """Take note of metrics, as of an episode or an evaluation."""
        with self._lock:
            self._metrics |= metrics
            status = self._status
            if "episode/number" in metrics:
                status.episodes = int(metrics["episode/number"])
            if "evaluation/held" in metrics:
                count = int(metrics["evaluation/episodes"])
                status.success = metrics["evaluation/held"]
                successes = round(status.success * count)
                status.success_low, status.success_high = wilson_interval(successes, count)

    def wait(self, reason: str) -> None:
        """Take note that nothing can be done for the time being, and why."""
        self.be(LearningStatus.WAITING, reason)

    def be(self, phase: int, message: str) -> None:
        """Say that a phase of LearningStatus has come, and what there is to say about it."""
        with self._lock:
            self._status.phase, self._status.message = phase, message
            self._ended = phase in ENDED

    def status(self) -> Any:
        """Return a LearningStatus of this moment, without a header."""
        with self._lock:
            now, status = time.monotonic(), self._status
            while len(self._done) > 1 and now - self._done[0][0] > LATELY:
                self._done.popleft()
            status.rate = self._rate(now)
            left = max(0, status.total_steps - status.step)
            status.remaining = left / status.rate if status.rate > 0 else float("nan")
            names = sorted(self._metrics)
            told = {name: getattr(status, name) for name in status.get_fields_and_field_types()}
            told |= {"metric_names": names}
            told |= {"metric_values": [float(self._metrics[name]) for name in names]}
        return LearningStatus(**told)

    def _rate(self, now: float) -> float:
        if not self._done:
            return 0.0
        begun, first = self._done[0]
        return (self._done[-1][1] - first) / (now - begun) if now > begun else 0.0
