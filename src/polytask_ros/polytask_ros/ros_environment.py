"""The client's end of the environment contract: an Environment whose world is elsewhere."""

from collections.abc import Callable, Sequence
from typing import Any

import dm_env
import numpy as np
from numpy.typing import ArrayLike

from polytask_contract.environment import Environment, Turn, check_seed
from polytask_contract.errors import (
    ActionRefused,
    EnvironmentBusy,
    EnvironmentClosed,
    EnvironmentLost,
    Refusal,
    ResetFailed,
)
from polytask_contract.specification import Specification
from polytask_msgs.msg import Action, EnvironmentSpec, Observation
from polytask_ros.environment_link import EnvironmentLink
from polytask_ros.messages import packed, specification_of, timestep_of

FORGOTTEN = (Refusal.NO_EPISODE, Refusal.WRONG_EPISODE)
# How long the observation that ended an episode is waited for where a refusal came before it [s].
OVERTAKEN = 0.5


class RosEnvironment(Environment):
    """The environment served under `namespace`, for one task at a time.

    Where no answer comes for `timeout` seconds, or the server is gone, EnvironmentLost is raised; a
    later reset works again once the server is back. A reset may take `reset_timeout` seconds.

    In real time the world does not wait: `step` then answers the newest observation, and the
    rewards of those that passed meanwhile are added to its own.
    """

    def __init__(
        self,
        task: str,
        seed: int = 0,
        *,
        namespace: str = "",
        timeout: float = 10.0,
        reset_timeout: float = 60.0,
        arguments: Sequence[str] = (),
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """Find the server and learn what it is; resets without a seed draw theirs from `seed`.

        `arguments` are ROS arguments for the node, such as remappings. `waiting` is called again
        and again while anything is waited for; what it raises ends the wait. Raise EnvironmentLost
        when no server is found in time, UnknownName when it does not have `task`.
        """
        self._seeds = np.random.default_rng(seed)
        self._turn: Turn | None = None
        self._newest = Observation()
        self._holds = self._closed = False
        self._link = EnvironmentLink(namespace, arguments, (timeout, reset_timeout), waiting)
        try:
            spec = self._link.find()
            self._specification = specification_of(spec)
            self._specification.check_task(task)
        except BaseException:
            self.close()
            raise
        self._realtime = spec.pacing == EnvironmentSpec.REALTIME
        self._task = task

    @property
    def specification(self) -> Specification:
        """What this environment is."""
        return self._specification

    @property
    def task(self) -> str:
        """The task that a reset begins; setting another raises UnknownName when there is none."""
        return self._task

    @task.setter
    def task(self, task: str) -> None:
        self._specification.check_task(task)
        self._task = task

    @property
    def turn(self) -> Turn | None:
        """The turn that the next action answers; None while no episode is running."""
        return self._turn

    @property
    def ending_message(self) -> str:
        """Why the newest episode was stopped from outside; empty when it was not."""
        message: str = self._newest.ending_message
        return message

    @property
    def missed_actions(self) -> int:
        """How many actions came too late in the newest episode so far; always 0 in lockstep."""
        return int(self._newest.missed_actions)

    @property
    def stamp(self) -> float:
        """Acquisition time of the newest observation, by the server's clock [s]."""
        stamp = self._newest.header.stamp
        return float(stamp.sec + stamp.nanosec * 1e-9)

    def reset(self, seed: int | None = None) -> dm_env.TimeStep:
        """Begin an episode, the same one for the same `seed`; None draws the next seed.

        Raise EnvironmentBusy while another client holds the environment, ResetFailed when the world
        cannot get to a start, EnvironmentLost when no answer comes.
        """
        self._check_open()
        if seed is None:
            seed = int(self._seeds.integers(2**63))
        check_seed(seed)
        self._turn = None
        result = self._link.reset(self._task, seed)
        if result.code == result.BUSY:
            raise EnvironmentBusy(result.message)
        if result.code != result.SUCCESS:
            raise ResetFailed(result.message or "the server broke off; its log says why")
        self._holds = True
        return self._taken(result.observation)

    def act(self, turn: Turn, action: ArrayLike) -> dm_env.TimeStep:
        """Answer `turn`; raise ActionRefused, and leave the world as it is, when that cannot be.

        Raise EnvironmentLost when no answer comes, or when the server no longer knows the episode.
        """
        self._check_open()
        values = np.asarray(action, np.float32)
        if values.ndim != 1:
            expected = (self._specification.action_size,)
            text = f"the action has shape {values.shape}; valid: {expected}"
            raise ActionRefused(Refusal.WRONG_SIZE, text)
        message = Action(episode=turn.episode, step=turn.step, values=packed(values, "f"))
        try:
            return self._taken(self._link.ask(message))
        except ActionRefused as refused:
            if turn == self._turn and refused.refusal in FORGOTTEN:
                # Topics keep no order among each other: what ended the episode may yet be to come.
                missed = self._link.later_than(turn, OVERTAKEN)
                if missed is not None:
                    return self._taken(missed)
                self._turn = None
                self._link.renew()
                reason = f"the environment gave the episode up or was restarted: {refused}"
                raise EnvironmentLost(reason) from None
            raise
        except EnvironmentLost:
            self._turn = None
            raise

    def step(self, action: ArrayLike) -> dm_env.TimeStep:
        """Answer the newest turn; without a running episode, begin one and ignore the action."""
        if self._turn is None or not self._realtime:
            return super().step(action)
        passed = 0.0
        while True:
            for message in self._link.arrived():
                if message.episode != self._turn.episode or message.step <= self._turn.step:
                    continue
                timestep = self._taken(message)
                passed += timestep.reward
                if timestep.last():
                    return timestep._replace(reward=passed)
            missed = self._newest.missed_actions
            try:
                timestep = self.act(self._turn, action)
            except ActionRefused as refused:
                if refused.refusal != Refusal.WRONG_STEP:
                    raise
                continue
            passed += timestep.reward
            if timestep.last() or self._newest.missed_actions == missed:
                return timestep._replace(reward=passed)
            # The world moved on while the action was under way, and does not count it: answer the
            # turn that is open now.

    def close(self) -> None:
        """Let go of the environment; further calls do nothing."""
        if not self._closed:
            self._closed = True
            self._turn = None
            if self._holds:
                self._link.release()
            self._link.close()

    def _taken(self, message: Any) -> dm_env.TimeStep:
        last = message.step_type == Observation.LAST
        self._turn = None if last else Turn(message.episode, message.step)
        self._newest = message
        return timestep_of(message)

    def _check_open(self) -> None:
        if self._closed:
            raise EnvironmentClosed("the environment was closed; make another")
