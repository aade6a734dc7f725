"""Any suite as a world that a server can serve: one environment, of the task asked for last."""

from collections.abc import Generator

import dm_env

from polytask_contract.environment import Action, Environment
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import Suite
from polytask_contract.world import Progress


class SuiteWorld:
    """The tasks of a suite, one at a time; every reset is seeded, so nothing else draws chance."""

    def __init__(self, suite: Suite, observations: Observations) -> None:
        """Make an environment of the suite's first task, to learn what the suite is."""
        self._suite = suite
        self._observations = observations
        self._environment: Environment = self._make(suite.tasks[0])

    @property
    def specification(self) -> Specification:
        """What the environment is."""
        return self._environment.specification

    @property
    def environment(self) -> Environment:
        """The environment of the present task."""
        return self._environment

    def begin(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Make the environment of `task` if another one is there, and reset it."""
        if task != self._environment.task:
            yield Progress(f"building {task}", 0.0)
            self._environment.close()
            self._environment = self._make(task)
        yield Progress(f"resetting {task}", 0.5)
        return self._environment.reset(seed)

    def anticipate(self, action: Action) -> None:
        """Do nothing: the whole period is simulated when it ends."""

    def advance(self, action: Action) -> dm_env.TimeStep:
        """Move the world by one control period."""
        return self._environment.step(action)

    def halt(self, reason: str) -> None:
        """Do nothing: between two actions a simulation stands still."""

    def stop(self, reason: str) -> None:
        """Do nothing: a simulation that is not stepped stands still."""

    def close(self) -> None:
        """Free the environment."""
        self._environment.close()

    def _make(self, task: str) -> Environment:
        return self._suite.make(task, 0, self._observations)
