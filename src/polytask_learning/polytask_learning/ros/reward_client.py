"""Rewards from another process: a Matcher that asks the service `reward/compute`."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
import torch
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from torch import Tensor

from polytask_contract.errors import PolyTaskError
from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.features import pad
from polytask_learning.rewards.match import Match, best_match
from polytask_learning.rewards.settings import RewardSettings
from polytask_msgs.srv import ComputeReward
from polytask_ros import names
from polytask_ros.messages import MalformedMessage, tensor_array, tensor_message
from polytask_ros.runtime import initialize, own_name

# The longest that nothing is looked at while an answer is waited for [s].
LONGEST_WAIT = 0.1
# In which a server that is up is met for sure [s].
MEETING_TIME = 5.0
MOST_ITERATIONS = 2**32 - 1

Request, Response = ComputeReward.Request, ComputeReward.Response


class RewardLost(PolyTaskError):
    """No reward service answered for too long; the message says which, and how long."""


class RewardService:
    """Matches as `best_match` does, in another process, and returns the same bit for bit.

    The same, that is, where both compute on a CPU with as many threads. Of several servers every
    one computes, and the first answer counts; so one may be killed unnoticed.

    It has a context and a node of its own, which are spun in the calling thread while it waits.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        namespace: str = "",
        timeout: float = 10.0,
        give_up_after: float = 600.0,
        waiting: Callable[[], None] = lambda: None,
        fall_back: bool = False,
    ) -> None:
        """Prepare to ask; no server needs to be there yet.

        An answer that has not come within `timeout` seconds is asked for again, each time with
        twice as much time, until that has been of no use for `give_up_after` seconds. With
        `fall_back`, it is computed here instead.
        Either is told to `say`, once until a server answers again. `waiting` is called again and
        again while an answer is waited for; what it raises ends the wait.
        """
        self._timeout, self._patience = timeout, max(timeout, give_up_after)
        self._waiting, self._say, self._fall_back = waiting, say, fall_back
        self._away = False
        self._node_options = own_name("reward_client", namespace)
        self._open()

    def _open(self) -> None:
        self._opened = time.monotonic()
        self._context = Context()
        initialize(context=self._context)
        self._node: Any = rclpy.create_node(
            **self._node_options, context=self._context, start_parameter_services=False
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._client = self._node.create_client(ComputeReward, names.COMPUTE_REWARD)
        self._name: str = self._node.resolve_service_name(names.COMPUTE_REWARD)

    def close(self) -> None:
        """Free everything, once; nothing can be asked any more."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _renew(self) -> None:
        """Begin anew, unless servers have hardly had the time to be met.

        Discovery may hold one end for gone while the other never noticed, as when a process stood
        still for a while; a new participant is met by both.
        """
        if time.monotonic() - self._opened > MEETING_TIME:
            self.close()
            self._open()

    def __call__(
        self, episode: Tensor, demonstrations: Sequence[Tensor], settings: RewardSettings
    ) -> Match:
        """Return how `episode` (T, D) matches the best of `demonstrations` (T_k, D), unscaled.

        Raise InvalidFeatures as `best_match` does and for what a server refuses, RewardLost when
        none answers for too long.
        """
        # What would be refused in process is refused here, whether or not a server is up.
        pad(episode, demonstrations)
        response = self._answer(_request(episode, demonstrations, settings))
        if response is None:
            return best_match(episode, demonstrations, settings)
        if response.code != Response.SUCCESS:
            raise InvalidFeatures(response.message)
        return _match(response, episode)

    def _answer(self, request: Any) -> Any:
        """Return the response; None where it is to be computed here."""
        begun = now = time.monotonic()
        # Who is known to be away is not waited for again where there is another way.
        known = self._fall_back and self._away and not self._client.service_is_ready()
        timeout = 0.0 if known else self._timeout
        while True:
            response = self._attempt(request, min(now + timeout, begun + self._patience))
            if response is not None:
                self._away = False
                return response
            self._renew()
            now = time.monotonic()
            missing = f"{self._name} has not answered for {now - begun:.1f} s"
            if self._fall_back:
                self._tell(f"{missing}: rewards are computed in process")
                return None
            if now - begun >= self._patience:
                raise RewardLost(f"{missing}: no ot_reward serves it any more, or too slowly")
            self._tell(f"{missing}: asking again for up to {self._patience:g} s")
            # Who is only slow comes to answer in time.
            timeout *= 2

    def _attempt(self, request: Any, end: float) -> Any:
        """Ask, and return the response; None where none has come by `end`, or none can come."""
        ready = self._client.service_is_ready
        self._wait(ready, end)
        if not ready():
            return None
        future = self._client.call_async(request)
        try:
            # A server that is gone will not answer: another, or its next life, is asked anew.
            self._wait(lambda: future.done() or not ready(), end)
            return future.result() if future.done() else None
        finally:
            self._client.remove_pending_request(future)

    def _wait(self, done: Callable[[], bool], end: float) -> None:
        """Wait until `done`, or until it is `end` by the monotonic clock."""
        while not done():
            self._waiting()
            left = end - time.monotonic()
            if left <= 0:
                return
            self._executor.spin_once(timeout_sec=min(left, LONGEST_WAIT))

    def _tell(self, what: str) -> None:
        if not self._away:
            self._away = True
            self._say(what)


def _request(episode: Tensor, demonstrations: Sequence[Tensor], settings: RewardSettings) -> Any:
    if settings.iterations > MOST_ITERATIONS:
        valid = f"up to {MOST_ITERATIONS}"
        raise InvalidFeatures(f"iterations is {settings.iterations}; valid: {valid}")
    return Request(
        trajectory=_message(episode),
        demonstrations=[_message(one) for one in demonstrations],
        matching=getattr(Request, settings.matching.upper()),
        epsilon=float(settings.epsilon),
        iterations=settings.iterations,
        tolerance=float(settings.tolerance or 0.0),
    )


def _message(features: Tensor) -> Any:
    return tensor_message(features.detach().cpu().numpy())


def _match(response: Any, episode: Tensor) -> Match:
    rewards = torch.tensor(tensor_array(response.rewards))
    if rewards.dtype != episode.dtype or rewards.shape != episode.shape[:1]:
        found = f"{rewards.dtype} of shape {tuple(rewards.shape)}"
        valid = f"{episode.dtype} of shape {tuple(episode.shape[:1])}"
        raise MalformedMessage(f"the rewards that came are {found}; valid: {valid}")
    return Match(
        rewards.to(episode.device),
        response.demonstration,
        response.distance,
        response.marginal_error,
    )
