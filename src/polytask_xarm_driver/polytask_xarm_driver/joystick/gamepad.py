"""A gamepad from plug to unplug: when there is something to say, and what."""

import time
from collections.abc import Callable
from typing import NamedTuple

from polytask_xarm_driver.joystick.decoder import Decoder
from polytask_xarm_driver.joystick.source import NoGamepad, Source

# How often a pad that is not there is looked for [s].
SEARCH_PERIOD = 1.0


class Standing(NamedTuple):
    """How a pad stands: axes within [-1, 1], buttons 0 or 1."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]


class Gamepad:
    """Looks for a pad, and says how it stands when that changes and in between at a fixed rate.

    From the moment that reading the pad fails nothing is said any more, not even once: to repeat
    the last standing would move an arm that nobody steers. It is looked for again each second.
    """

    def __init__(
        self,
        find: Callable[[], Source],
        deadzone: float,
        rate: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look for a pad by `find`, which raises NoGamepad; repeat `rate` times a second [Hz]."""
        self._find = find
        self._deadzone = deadzone
        self._period = 1.0 / rate
        self._now = now
        self._source: Source | None = None
        self._decoder = Decoder((), {}, deadzone)
        self._said: Standing | None = None
        self._said_at = 0.0
        self._search_at = now()
        self.problem = "no gamepad was looked for yet"

    @property
    def name(self) -> str:
        """What the pad calls itself; empty while there is none."""
        return self._source.name if self._source else ""

    @property
    def place(self) -> str:
        """Where the pad was found; empty while there is none."""
        return self._source.place if self._source else ""

    def poll(self) -> Standing | None:
        """Return how the pad stands if that is to be said now.

        What happened since the last call is said together. `problem` says why there is no pad, and
        is empty while there is one.
        """
        if self._source is None and self._now() >= self._search_at:
            self._search()
        if self._source is None:
            return None
        try:
            for event in self._source.read():
                self._decoder.feed(event, self._source.pressed, self._source.positions)
        except OSError as error:
            self._lose(f"{self._source.name} is gone: {error.strerror or error}")
            return None
        standing = Standing(tuple(self._decoder.axes), tuple(self._decoder.buttons))
        now = self._now()
        if standing == self._said and now < self._said_at + self._period:
            return None
        self._said, self._said_at = standing, now
        return standing

    def close(self) -> None:
        """Let go of the pad."""
        if self._source is not None:
            self._lose("the gamepad was let go")

    def _search(self) -> None:
        self._search_at = self._now() + SEARCH_PERIOD
        try:
            source = self._find()
        except NoGamepad as missing:
            self.problem = str(missing)
            return
        decoder = Decoder(source.buttons, source.axes, self._deadzone)
        self._source, self._decoder, self.problem = source, decoder, ""
        try:
            decoder.restore(source.pressed(), source.positions())
        except OSError as error:
            self._lose(f"{source.name} is gone: {error.strerror or error}")

    def _lose(self, problem: str) -> None:
        if self._source is not None:
            self._source.close()
        self._source, self._said, self.problem = None, None, problem
        self._search_at = self._now() + SEARCH_PERIOD
