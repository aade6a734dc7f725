"""What is wrong with a goal itself."""

from polytask_contract.errors import PolyTaskError


class InvalidGoal(PolyTaskError):
    """A field of a goal is not valid; the message names it, its value and the valid ones."""


def named(name: str, value: int, names: dict[int, str]) -> str:
    """Return what the constant `value` of a field stands for; raise InvalidGoal if nothing."""
    if value not in names:
        valid = ", ".join(f"{number} ({word})" for number, word in names.items())
        raise InvalidGoal(f"{name} is {value}; valid: {valid}")
    return names[value]
