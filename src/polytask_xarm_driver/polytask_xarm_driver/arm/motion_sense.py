"""Whether the tool moves, seen from where it was."""

from collections import deque

import numpy as np

from polytask_xarm_driver.arm.feedback import Feedback

# Time over which a displacement is looked for [s], and how small a one is none [m], [rad].
WINDOW = 0.1
SHORTEST_WAY = 2e-4
SMALLEST_TURN = 1e-3


class MotionSense:
    """Compares the newest report with one from a moment ago."""

    def __init__(self) -> None:
        """Begin without a report."""
        self._reports: deque[Feedback] = deque()
        self.moving = False

    def forget(self) -> None:
        """Begin without a report again: nobody knows any more whether the tool moves."""
        self._reports.clear()
        self.moving = False

    def see(self, report: Feedback) -> None:
        """Take in the newest report; `moving` follows from it."""
        if self._reports and self._reports[-1].at == report.at:
            return
        self._reports.append(report)
        while report.at - self._reports[0].at > WINDOW:
            self._reports.popleft()
        way = self._reports[0].pose.way_to(report.pose)
        self.moving = bool(
            np.linalg.norm(way.linear) > SHORTEST_WAY or np.linalg.norm(way.angular) > SMALLEST_TURN
        )
