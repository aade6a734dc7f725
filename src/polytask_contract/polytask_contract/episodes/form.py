"""What must agree for episodes to be used together, or in an environment."""

from typing import NamedTuple, Self

from polytask_contract.errors import PolyTaskError
from polytask_contract.specification import Specification


class InvalidEpisode(PolyTaskError):
    """An episode contradicts itself or does not fit a place; the message names the field."""


class Form(NamedTuple):
    """A suite and the sizes in it; `control_period` is the time of one step [s]."""

    suite: str
    action_size: int
    state_size: int
    image: tuple[int, int] | None
    control_period: float

    @classmethod
    def of(cls, specification: Specification) -> Self:
        """Return the form of the episodes of an environment."""
        return cls(*(getattr(specification, name) for name in cls._fields))

    def check(self, valid: "Form", whose: str) -> None:
        """Raise InvalidEpisode, about what `whose` names, unless this is the `valid` form."""
        for name in self._fields:
            found, wanted = getattr(self, name), getattr(valid, name)
            if found != wanted:
                raise InvalidEpisode(f"{name} of {whose} is {found!r}; valid: {wanted!r}")
