"""What a command gets to work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from polytask_sim.emulator.orders import Ticket
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.wire.payload import Payload


@dataclass
class Session:
    """What the controller keeps for a client: what it wants to be told unasked, as bits of Kind."""

    feedback: int = 0


class Call(NamedTuple):
    """One request: its payload, who asked, and whom to tell what becomes of it."""

    payload: Payload
    session: Session
    ticket: Ticket


class Command(NamedTuple):
    """What a function code does; refused, it is answered with `size` zeros, as clients insist."""

    perform: Callable[[Robot, Call], bytes]
    size: int = 0
