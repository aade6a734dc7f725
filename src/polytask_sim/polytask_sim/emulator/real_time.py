"""The world's clock: one tick after the other, as fast as time passes."""

import threading
import time

from polytask_sim.emulator.robot import Robot
from polytask_sim.xarm.table import TIMESTEP

# Further behind than this the world does not catch up: it says how much it lost instead [s].
LONGEST_LAG = 0.1


class RealTime(threading.Thread):
    """Ticks a robot in a thread of its own, until it is closed."""

    def __init__(self, robot: Robot, lock: threading.Lock) -> None:
        """Prepare to tick `robot`, which is only touched while `lock` is held."""
        super().__init__(name="emulator physics", daemon=True)
        self._robot, self._lock = robot, lock
        self._closing = threading.Event()
        self.lost = 0.0

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self.join()

    def run(self) -> None:
        """Tick until closed; `lost` is how far the world has fallen behind time in all [s]."""
        due = time.monotonic()
        while not self._closing.wait(max(0.0, due - time.monotonic())):
            with self._lock:
                self._robot.tick()
            due += TIMESTEP
            behind = time.monotonic() - due
            if behind > LONGEST_LAG:
                self.lost += behind
                due += behind
