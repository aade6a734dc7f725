"""What can be wrong with what a reward is asked to compare."""

from polytask_contract.errors import PolyTaskError


class InvalidFeatures(PolyTaskError):
    """Features, costs or masks cannot be compared; the message says which and what is valid."""
