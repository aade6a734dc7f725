"""Who may reset an environment, which action counts, what a missing one means; without ROS."""

import time
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import ArrayLike

from polytask_contract.environment import Action, Turn, check_turn, checked_action
from polytask_contract.errors import EnvironmentBusy


class Holding:
    """One client at a time holds an environment, until its node is gone or it is silent too long.

    Time is monotonic: a clock that is set, or a simulated one, neither frees nor keeps anything.
    """

    def __init__(self, timeout: float, now: Callable[[], float] = time.monotonic) -> None:
        """Let go of a client after `timeout` seconds of silence."""
        self._timeout = timeout
        self._now = now
        self._client = ""
        self._seen = False
        self._heard = 0.0

    @property
    def client(self) -> str:
        """The node that holds the environment; empty when nobody does."""
        return self._client

    def claim(self, client: str, nodes: Collection[str]) -> None:
        """Give the environment to `client`, given the living `nodes`.

        Raise EnvironmentBusy while another holds it.
        """
        if self._client not in ("", client):
            raise EnvironmentBusy(
                f"{self._client} holds the environment; it is let go when that node ends, "
                f"or after {self._timeout:g} s without an action"
            )
        if client != self._client:
            self._client, self._seen = client, client in nodes
        self.hear()

    def hear(self) -> None:
        """Note a sign of life."""
        self._heard = self._now()

    def release(self) -> None:
        """Let go."""
        self._client = ""

    def lapse(self, nodes: Collection[str]) -> str:
        """Return why the holder has lost its claim, given the living `nodes`; empty if it has not.

        A node counts as gone only once it was seen: discovery may be later than its first call.
        """
        if not self._client:
            return ""
        if self._client in nodes:
            self._seen = True
        elif self._seen:
            return f"{self._client} is gone"
        silent = self._now() - self._heard
        if silent > self._timeout:
            return f"{self._client} was silent for {silent:.1f} s; valid: {self._timeout:g} s"
        return ""


class Turns:
    """The running episode: which turn is open, and which was answered last."""

    def __init__(self, action_size: int) -> None:
        """Judge actions of `action_size` values; no episode is running."""
        self._action_size = action_size
        self._open: Turn | None = None
        self._answered: Turn | None = None

    @property
    def open(self) -> Turn | None:
        """The turn that an action may answer; None while no episode is running."""
        return self._open

    def start(self, episode: int) -> None:
        """Open the first turn of `episode`."""
        self._open, self._answered = Turn(episode, 0), None

    def abandon(self) -> None:
        """End the episode without an answer to its open turn."""
        self._open = self._answered = None

    def judge(self, turn: Turn, values: ArrayLike) -> Action:
        """Return the action that `values` are; raise ActionRefused when it does not count."""
        check_turn(turn, self._open)
        return checked_action(values, self._action_size)

    def was_answered(self, turn: Turn) -> bool:
        """Tell whether `turn` is the newest answered one, so that its answer may be repeated."""
        return turn == self._answered

    def advance(self, last: bool) -> Turn:
        """Count the open turn as answered; return the turn of its answer, the `last` one or not."""
        if self._open is None:
            raise ValueError("no turn is open")
        self._answered = self._open
        following = Turn(self._open.episode, self._open.step + 1)
        self._open = None if last else following
        return following


class ActionWatchdog:
    """In real time, the action for each period: the newest, the held one, and then none."""

    def __init__(self, action_size: int, hold_periods: int, *, rests: bool = False) -> None:
        """Bridge `hold_periods` periods in which no new action came.

        The one before is held, or all zeros where the world `rests`.
        """
        self._rest = np.zeros(action_size, np.float32)
        self._hold_periods = hold_periods
        self._rests = rests
        self.start()

    def start(self) -> None:
        """Forget everything: an episode begins, at rest."""
        self._newest: Action | None = None
        self._held = self._rest
        self._silent = 0
        self.missed = 0

    def forget(self) -> None:
        """Rest until a new action comes."""
        self._newest, self._held = None, self._rest

    def give(self, action: Action) -> None:
        """Take the newest action for the period that runs."""
        self._newest = action

    def take(self) -> Action | None:
        """Return the action for the period that begins; None once holding has lasted too long."""
        if self._newest is not None:
            self._held, self._newest, self._silent = self._newest, None, 0
            return self._held
        self.missed += 1
        self._silent += 1
        if self._rests:
            self._held = self._rest
        return self._held if self._silent <= self._hold_periods else None
