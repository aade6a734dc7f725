"""What can be wrong with a goal."""

from polytask_contract.errors import PolyTaskError


class InvalidGoal(PolyTaskError):
    """A goal cannot be told apart from others or be shown to a policy; the message says why."""


class UnknownGoal(PolyTaskError):
    """A goal means no task that a policy knows; the message names the nearest ones."""


class TextModelMissing(PolyTaskError):
    """The model that understands text is not installed; the message says how to install it."""
