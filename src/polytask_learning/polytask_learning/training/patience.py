"""Trying again what an environment failed at that is only away for a while."""

from collections.abc import Callable
from typing import TypeVar

from polytask_contract.errors import (
    EnvironmentBusy,
    EnvironmentLost,
    ResetFailed,
    WorldStopped,
)
from polytask_learning.training.watch import Watch

# What an environment can fail by without being at its end: a robot stops, a server is restarted.
PASSING = (EnvironmentBusy, EnvironmentLost, ResetFailed, WorldStopped)

Done = TypeVar("Done")


def patiently(act: Callable[[], Done], watch: Watch) -> Done:
    """Return what `act` does, which changes nothing where the environment fails.

    `watch` decides how long that is tried.
    """
    while True:
        try:
            done = act()
        except PASSING as error:
            watch.lost(error)
        else:
            watch.well()
            return done
