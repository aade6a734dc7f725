"""What can go wrong with the arm."""

from polytask_contract.errors import PolyTaskError


class ArmError(PolyTaskError):
    """The arm cannot do what it was asked to; the message says why and what helps."""


class ArmLost(ArmError):
    """The controller does not answer."""


class CommandRefused(PolyTaskError):
    """A command is not followed; the message names the bad value and the valid ones."""
