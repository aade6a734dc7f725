"""What a gamepad is to us: what it has, how it stands, and what has happened since."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from polytask_contract.errors import PolyTaskError


class NoGamepad(PolyTaskError):
    """No gamepad is there, or not the one asked for; the message says which there are."""


class Event(Protocol):
    """Something that happened, as the kernel reports it: a type, a code and a value."""

    @property
    def type(self) -> int:
        """What kind of thing happened: one of the kernel's EV_ numbers."""

    @property
    def code(self) -> int:
        """To which of the pad's parts: one of the kernel's BTN_, ABS_ or SYN_ numbers."""

    @property
    def value(self) -> int:
        """How that part stands now, in the pad's own numbers."""


class Range(NamedTuple):
    """The smallest and the largest value of an axis, in the pad's own numbers."""

    low: int
    high: int


class Source(Protocol):
    """An open gamepad. Whatever is asked of it raises OSError once it is unplugged."""

    @property
    def name(self) -> str:
        """What the pad calls itself."""

    @property
    def place(self) -> str:
        """Where it was found, as a path."""

    @property
    def buttons(self) -> Collection[int]:
        """The codes of its buttons."""

    @property
    def axes(self) -> Mapping[int, Range]:
        """The codes of its axes and how far each goes."""

    def pressed(self) -> Collection[int]:
        """Return the codes of the buttons that are held at this moment."""

    def positions(self) -> Mapping[int, int]:
        """Return how each axis stands at this moment, in the pad's own numbers."""

    def read(self) -> Iterable[Event]:
        """Return what has happened since the last call, at once; nothing if nothing has."""

    def close(self) -> None:
        """Let go of the pad."""
