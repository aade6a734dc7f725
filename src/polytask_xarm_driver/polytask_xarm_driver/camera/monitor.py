"""Tells from a camera's pictures whether they can be trusted; waits for nothing itself."""

from dataclasses import dataclass

import numpy as np

from polytask_xarm_driver.camera.diagnosis import Diagnosis, State
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.pace import STREAK, Pace


@dataclass(frozen=True)
class Expectations:
    """What a camera is held to.

    `window` is the time over which the rate is measured [s]; `minimum_share` of the promised rate
    is enough [-]; a picture is published within `longest_latency` of its exposure [s]; the first
    one comes within `start_timeout` [s]. With `never_repeats`, equal pictures are a fault.
    """

    window: float
    minimum_share: float
    longest_latency: float
    start_timeout: float
    never_repeats: bool


class CameraMonitor:
    """Diagnoses a camera within STREAK pictures of a fault.

    lost    no picture for STREAK periods: those that were promised, or those that are usual by now
    frozen  STREAK pictures in a row whose moments do not grow, or which are equal bit for bit
    late    STREAK pictures in a row that were published too long after their exposure
    slow    fewer pictures than promised
    """

    def __init__(self, expectations: Expectations, rate: float, now: float) -> None:
        """Hold a camera, from `now` on [s], to pictures at `rate` [1/s]."""
        self._expected = expectations
        self.promised_rate = rate
        self._begun = now
        self._pace = Pace(expectations.window)
        self._frame: Frame | None = None
        self._frozen = self._late = 0
        self._latency = 0.0
        self._dropped = 0
        self._cause = ""

    @property
    def patience(self) -> float:
        """The silence after which the camera counts as lost [s]."""
        return STREAK * max(1.0 / self.promised_rate, self._pace.period())

    def opened(self, rate: float) -> None:
        """Take note that the source was opened, promises `rate` [1/s] and counts anew."""
        self.promised_rate = rate
        self._frame = None
        if self._cause:
            self._cause = "it was opened again, and no picture has come yet"

    def lose(self, cause: str) -> None:
        """Take note that there are no pictures, and why."""
        self._cause = cause

    def see(self, frame: Frame, now: float, latency: float) -> None:
        """Judge a picture that is published `now` [s], `latency` after it was taken [s]."""
        last, self._frame = self._frame, frame
        repeats = last is not None and self._repeats(last, frame)
        self._frozen = self._frozen + 1 if repeats else 0
        self._late = self._late + 1 if abs(latency) > self._expected.longest_latency else 0
        if last is not None:
            self._dropped += max(0, frame.number - last.number - 1)
        self._latency = latency
        self._cause = ""
        self._pace.arrive(now)

    def _repeats(self, last: Frame, frame: Frame) -> bool:
        if last.moment is not None and frame.moment is not None and frame.moment <= last.moment:
            return True
        return self._expected.never_repeats and np.array_equal(last.picture, frame.picture)

    def diagnose(self, now: float) -> Diagnosis:
        """Return how the camera does `now` [s]."""
        state, message = self._judge(now)
        rate, newest = self._pace.rate(), self._pace.newest
        return Diagnosis(
            state=state,
            message=message,
            rate=0.0 if rate is None or state is State.LOST else rate,
            latency=self._latency,
            age=None if newest is None else now - newest,
            dropped=self._dropped,
        )

    def _judge(self, now: float) -> tuple[State, str]:
        newest = self._pace.newest
        if self._cause:
            return State.LOST, self._cause
        if newest is None and now - self._begun <= self._expected.start_timeout:
            return State.WAITING, "the first picture is waited for"
        if newest is None or now - newest > self.patience:
            silence = now - (self._begun if newest is None else newest)
            return State.LOST, f"no picture has come for {silence:.2g} s"
        return self._judge_pictures()

    def _judge_pictures(self) -> tuple[State, str]:
        rate = self._pace.rate()
        # The first picture of a streak is the one that the others repeat.
        if self._frozen >= STREAK - 1:
            return State.FROZEN, f"the last {self._frozen + 1} pictures are one and the same"
        if self._late >= STREAK:
            return State.LATE, self._lateness()
        if rate is not None and rate < self._expected.minimum_share * self.promised_rate:
            promised = f"{self.promised_rate:.3g} are expected"
            return State.SLOW, f"{rate:.3g} pictures come in a second, and {promised}"
        return State.GOOD, "pictures come as expected"

    def _lateness(self) -> str:
        valid = f"valid: {self._expected.longest_latency:g} s at most"
        if self._latency < 0:
            return f"pictures are stamped {-self._latency:.3g} s in the future; {valid}"
        return f"pictures are published {self._latency:.3g} s after they were taken; {valid}"
