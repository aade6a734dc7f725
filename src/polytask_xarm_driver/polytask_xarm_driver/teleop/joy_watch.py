"""Whether the joystick still speaks."""

from polytask_xarm_driver.teleop.sample import Sample

# Stamps that are remembered: beside a publisher that is stuck another may be alive.
MEMORY = 16


class JoyWatch:
    """Counts a joystick as silent when nothing new came from it for a while.

    New is what has a stamp that was not there lately: a publisher that is stuck repeats one. Stamps
    are only compared for equality, so a clock that jumps makes nobody silent.
    """

    def __init__(self, timeout: float) -> None:
        """Count `timeout` seconds without anything new as silence."""
        self._timeout = timeout
        self._stamps: dict[int, None] = {}
        self._heard: float | None = None
        self._fault = ""
        self._silent = True

    @property
    def was_heard(self) -> bool:
        """Whether there ever was a message that counts."""
        return self._heard is not None

    def takes(self, sample: Sample, now: float) -> bool:
        """Take note of a message that came at `now` [s]; return whether it counts."""
        known = sample.stamp in self._stamps
        self._remember(sample.stamp)
        if known:
            self._fault = ": its stamp does not advance"
        elif not sample.is_sound():
            self._fault = ": an axis is not finite"
        else:
            self._heard, self._fault, self._silent = now, "", False
            return True
        return False

    def _remember(self, stamp: int) -> None:
        # Put last again, so that what is repeated is not the one that is forgotten.
        self._stamps.pop(stamp, None)
        self._stamps[stamp] = None
        if len(self._stamps) > MEMORY:
            del self._stamps[next(iter(self._stamps))]

    def lapse(self, now: float) -> str:
        """Return why the joystick counts as silent when that has just begun; else nothing."""
        if self._silent or self._heard is None or now - self._heard < self._timeout:
            return ""
        self._silent = True
        return f"the joystick said nothing new for {self._timeout:g} s{self._fault}"
