"""What can go wrong with the emulator."""

from polytask_contract.errors import PolyTaskError


class AddressUnavailable(PolyTaskError):
    """The emulator cannot listen where it was told to."""


class InvalidFirmware(PolyTaskError):
    """A firmware version cannot be read."""


class GarbledStream(PolyTaskError):
    """A client's bytes cannot be cut into frames any more."""


class BadPayload(PolyTaskError):
    """A request's payload is too short for its function code."""


class Refused(PolyTaskError):
    """The controller does not do what a request asks for."""


class MotionFault(PolyTaskError):
    """A motion cannot go on; `code` is the error as the maker numbers it."""

    def __init__(self, code: int, reason: str) -> None:
        """Remember the error's `code`; `reason` is one sentence."""
        super().__init__(reason)
        self.code = code


class EmulatorBusy(PolyTaskError):
    """The table cannot be laid anew while the arm moves."""
