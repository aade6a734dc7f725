"""What can be made to go wrong between the controller and its clients."""

from dataclasses import dataclass


@dataclass
class Faults:
    """What is wrong now: nothing, unless somebody sets it."""

    # Requests are left unanswered, and reports unsent, for as long as these are set.
    stall_control: bool = False
    stall_reports: bool = False
    # How much later than otherwise each answer comes [s].
    answer_delay: float = 0.0
    # How many of the next answers on the control port are spoilt.
    corrupt_frames: int = 0

    def passed(self, frame: bytes) -> bytes:
        """Return `frame` as it leaves: its function code is spoilt while answers are to be."""
        if self.corrupt_frames <= 0:
            return frame
        self.corrupt_frames -= 1
        return frame[:6] + bytes([frame[6] ^ 0xFF]) + frame[7:]
