"""An episode that a policy acts in, over ROS."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import dm_env

from polytask_contract.errors import EnvironmentBusy
from polytask_contract.success import held
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.ros.policy_loading import check_fits
from polytask_learning.ros.task_goal import wanted
from polytask_learning.ros.whole_episodes import WholeEpisodes
from polytask_learning.ros.work import Work
from polytask_learning.training.acting import ActingPolicy
from polytask_msgs.action import RunTask

# Who ended without a word is known to be gone by then, and is asked about so often [s].
LETTING_GO, RETRY_PERIOD = 4.0, 0.25


class PolicyEpisode:
    """One goal of RunTask: run by a thread, while others may read how far it is."""

    def __init__(
        self,
        policy: UnifiedPolicy,
        goal: Any,
        namespace: str,
        settings: Mapping[str, Any],
        tell: Callable[[Any], None],
    ) -> None:
        """Prepare for `goal` in the environment under `namespace`, by the node's `settings`.

        `tell` is given a RunTask.Feedback after each step.
        """
        self._policy, self._goal = policy, goal
        self._namespace, self._settings, self._tell = namespace, settings, tell
        self._successes: list[bool] = []
        self.task = ""
        self.earned = 0.0
        # From each observation to the action that answers it [s].
        self.delays: list[float] = []
        self.missed_actions = 0

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return len(self._successes)

    def result(self, code: int, message: str = "") -> Any:
        """Return what has come of it, under a code of RunTask."""
        return RunTask.Result(
            code=code,
            message=message,
            task=self.task,
            success=held(self._successes),
            episode_return=self.earned,
            steps=self.steps,
        )

    def run(self, work: Work[None]) -> None:
        """Understand the goal, act until its episode or its steps are over, release the world.

        That is released, and stops, whatever ends this. Raise what `wanted`, `check_fits` and
        WholeEpisodes do, and Cancelled when `work` is.
        """
        goal, settings = self._goal, self._settings
        meant = wanted(self._policy, goal.goal, goal.task)
        self.task = meant.task
        environment = WholeEpisodes(
            goal.task or meant.task,
            namespace=self._namespace,
            timeout=settings["environment_timeout"],
            reset_timeout=settings["reset_timeout"],
            waiting=work.check,
        )
        with closing(environment):
            check_fits(self._policy, environment.specification)
            self._act(environment, meant.policy, work)

    def _act(self, environment: WholeEpisodes, policy: ActingPolicy, work: Work[None]) -> None:
        limit = self._goal.max_steps or math.inf
        timestep = self._begun(environment, work)
        seen = time.monotonic()
        while not timestep.last() and self.steps < limit:
            action = policy(timestep)
            work.check()
            self.delays.append(time.monotonic() - seen)
            try:
                timestep = environment.step(action)
            finally:
                seen = time.monotonic()
                self.missed_actions = environment.missed_actions
            self._note(timestep)

    def _begun(self, environment: WholeEpisodes, work: Work[None]) -> dm_env.TimeStep:
        """Reset, and bear with a holder that has let go and is not known to be gone yet."""
        deadline = time.monotonic() + LETTING_GO
        while True:
            try:
                return environment.reset(self._goal.seed)
            except EnvironmentBusy:
                if time.monotonic() > deadline:
                    raise
                work.pause(RETRY_PERIOD)

    def _note(self, timestep: dm_env.TimeStep) -> None:
        success = bool(timestep.observation["success"])
        self._successes.append(success)
        self.earned += timestep.reward
        feedback = RunTask.Feedback(step=self.steps, reward=timestep.reward, success=success)
        self._tell(feedback)
