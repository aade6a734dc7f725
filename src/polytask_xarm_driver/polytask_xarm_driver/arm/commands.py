"""The newest command, for as long as it counts."""

import threading
from collections.abc import Callable

from polytask_xarm_driver.arm.pose import Pose


class Commands:
    """Holds the newest target from one thread for another, and forgets it when it is too old.

    Time is monotonic, and counts from when a command came: whoever is silent has nothing to say.
    """

    def __init__(self, timeout: float, now: Callable[[], float]) -> None:
        """Forget a target `timeout` seconds after it came."""
        self._timeout, self._now = timeout, now
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Forget everything, also what was counted."""
        with self._lock:
            self._target: Pose | None = None
            self._came = float("nan")
            self._refused = self._expired = 0
            self._refusal = self._pause = ""

    def forget(self, why: str) -> None:
        """Forget the target, and keep in mind `why`; the next one is the first again."""
        with self._lock:
            self._target, self._pause = None, why

    def accept(self, target: Pose) -> None:
        """Take `target` for the newest."""
        with self._lock:
            self._target, self._came = target, self._now()

    def refuse(self, refusal: str) -> None:
        """Count a command that is not followed; what was followed before goes on to age."""
        with self._lock:
            self._refused += 1
            self._refusal = refusal

    def newest(self) -> Pose | None:
        """Return the target that counts; None when none came, or none for too long."""
        with self._lock:
            if self._target is not None and self._now() - self._came > self._timeout:
                self._target = None
                self._pause = f"no command that counts came for {self._timeout:g} s"
                self._expired += 1
            return self._target

    @property
    def pause(self) -> str:
        """Why the newest target was forgotten."""
        return self._pause

    @property
    def refused(self) -> int:
        """How many commands were refused."""
        return self._refused

    @property
    def refusal(self) -> str:
        """Why the newest refused one was; empty for none."""
        return self._refusal

    @property
    def expired(self) -> int:
        """How often the newest target was too old while it was followed."""
        return self._expired

    @property
    def age(self) -> float:
        """Time since the newest accepted command [s]; NaN before the first."""
        return self._now() - self._came
