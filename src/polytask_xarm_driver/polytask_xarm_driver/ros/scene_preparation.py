"""Asking somebody to put a task's things in place, until that is done."""

import math
import time
from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.task import Future

from polytask_contract.errors import ResetFailed

# How long it may take [s].
PREPARATION_TIMEOUT = 20.0
# In which a service that is up is found, and in which one that was found answers [s].
OFFER_TIMEOUT, ANSWER_TIMEOUT = 5.0, 2.0


class ScenePreparation:
    """One request, asked again where it is lost; the same things may be put in place twice.

    An answer is lost where its server was killed, or did not know the client yet.
    """

    def __init__(
        self, client: Client, request: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare to send `request` by `client`; time is that of `clock` [s]."""
        self._client, self._request, self._clock = client, request, clock
        self._begun = clock()
        self._asked, self._patience = -math.inf, 0.0
        self._future = Future()

    def done(self) -> bool:
        """Look whether it is done, and ask where that is due; raise ResetFailed if it fails."""
        answer = self._future.result() if self._future.done() else None
        if answer is not None and answer.code == answer.SUCCESS:
            return True
        if answer is not None and answer.code != answer.BUSY:
            raise ResetFailed(f"the scene could not be prepared: {answer.message}")
        self._check_time(answer)
        overdue = self._clock() - self._asked > self._patience
        if (answer is not None or overdue) and self._client.service_is_ready():
            self._ask()
            # Who is only slow comes to answer in time.
            if overdue:
                self._patience = max(ANSWER_TIMEOUT, 2 * self._patience)
        return False

    def _check_time(self, answer: Any) -> None:
        place, passed = self._client.service_name, self._clock() - self._begun
        if math.isinf(self._asked) and passed > OFFER_TIMEOUT:
            raise ResetFailed(f"nobody offers {place}, which prepare_scene asks for")
        if passed > PREPARATION_TIMEOUT:
            reason = answer.message if answer is not None else "no answer came"
            raise ResetFailed(f"{place} took over {PREPARATION_TIMEOUT:g} s: {reason}")

    def _ask(self) -> None:
        # What was asked for before is done by then, and its answer of no use.
        self._client.remove_pending_request(self._future)
        self._asked, self._future = self._clock(), self._client.call_async(self._request)
