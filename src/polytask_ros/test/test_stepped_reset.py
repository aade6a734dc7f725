"""Laws of a reset that is halted between two of its steps."""

from types import SimpleNamespace

import pytest

from polytask_contract.errors import ResetFailed
from polytask_contract.world import Progress
from polytask_ros.stepped_reset import SteppedReset


class Way:
    """A reset without an end, and the world that it happens in."""

    def __init__(self):
        self.done = []
        handle = SimpleNamespace(is_cancel_requested=False, publish_feedback=lambda _: None)
        self.reset = SteppedReset(handle, self._steps(), self.done.append)

    def _steps(self):
        try:
            while True:
                yield Progress("going to the start", 0.5)
        finally:
            self.done.append("closed")


def test_a_halt_lets_the_world_stand_at_once_and_the_reset_fails_where_it_would_go_on():
    way = Way()
    going = way.reset.__await__()
    next(going)
    way.reset.halt("the button was let go")
    # The executor may take its time, or never come back to it where its node ends.
    assert way.done == ["closed", "the button was let go"]
    with pytest.raises(ResetFailed, match="the reset was halted: the button was let go"):
        next(going)
    assert len(way.done) == 2
