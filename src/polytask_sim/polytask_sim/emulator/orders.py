"""Moves that wait for their turn, and who is told when they are over."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from polytask_sim.emulator.errors import Refused
from polytask_sim.emulator.motion.motion import Motion
from polytask_sim.emulator.wire.framing import Kind, Result
from polytask_sim.xarm.kinematics import Vector

MOST = 2048


class Ticket(Protocol):
    """Whoever wants to know what becomes of a request."""

    def tell(self, kind: Kind, result: Result) -> None:
        """Take note of `kind`, with `result`."""


class Silence:
    """Nobody wants to know."""

    def tell(self, kind: Kind, result: Result) -> None:
        """Take no note."""


class Order(NamedTuple):
    """A move: made from the joints where it starts, which may raise MotionFault."""

    make: Callable[[Vector], Motion]
    ticket: Ticket


class Orders:
    """The moves of position mode, one after the other, each from rest to rest."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[Order] = deque()
        self._motion: Motion | None = None
        self._ticket: Ticket = Silence()

    def __len__(self) -> int:
        """Return how many moves are not over."""
        return len(self._waiting) + (self._motion is not None)

    @property
    def busy(self) -> bool:
        """Whether a move is under way or waits."""
        present = self._motion is not None and not self._motion.finished
        return present or bool(self._waiting)

    def add(self, order: Order) -> None:
        """Let `order` wait for its turn; raise Refused when too many do."""
        if len(self._waiting) >= MOST:
            raise Refused(f"{MOST} moves are waiting; valid: fewer")
        self._waiting.append(order)

    def motion(self, joints: Vector, *, at_rest: bool) -> Motion | None:
        """Return the present move, or the next one made at `joints`; raise MotionFault.

        A move is over once it is finished and, unless another one waits, the arm is `at_rest`.
        """
        if self._motion is not None and self._motion.finished and (self._waiting or at_rest):
            self._ticket.tell(Kind.FINISH, Result.DONE)
            self._motion = None
        if self._motion is None and self._waiting:
            order = self._waiting.popleft()
            self._ticket = order.ticket
            self._ticket.tell(Kind.START, Result.DONE)
            try:
                self._motion = order.make(joints)
            except BaseException:
                self._ticket.tell(Kind.FINISH, Result.FAILED)
                raise
        return self._motion

    def clear(self, result: Result) -> None:
        """End the present move with `result` and forget those that wait."""
        if self._motion is not None:
            self._ticket.tell(Kind.FINISH, result)
        for order in self._waiting:
            order.ticket.tell(Kind.FINISH, Result.DISCARDED)
        self._motion, self._ticket = None, Silence()
        self._waiting.clear()
