"""What an environment is: its tasks, sizes and timing, and the dm_env specs that follow."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from dm_env import specs

from polytask_contract.errors import InvalidSpecification, UnknownName


@dataclass(frozen=True)
class Observations:
    """Which observations a user asks a suite for.

    `state` asks for the state vector, and `goal` for the place to reach in it, where a suite keeps
    that apart; `image` is (rows, columns) of the picture in pixels, or None for no picture.
    """

    state: bool = True
    image: tuple[int, int] | None = (84, 84)
    goal: bool = True

    def __post_init__(self) -> None:
        """Refuse sizes that no picture has, and an observation of nothing."""
        if self.image is not None and min(self.image) < 1:
            raise InvalidSpecification(f"image size {self.image} must be at least 1 x 1 pixel")
        if not self.state and self.image is None:
            raise InvalidSpecification("neither state nor image is asked for; ask for one or both")


@dataclass(frozen=True)
class Specification:
    """Everything a client may know about an environment before its first reset.

    `state_size` is 0 and `image` None where the environment has none; `control_period` is the time
    of one step [s]; `episode_length` is the number of steps after which an episode of any task has
    ended by itself, 0 where there is no limit.
    """

    suite: str
    tasks: tuple[str, ...]
    action_size: int
    state_size: int
    image: tuple[int, int] | None
    control_period: float
    episode_length: int
    simulated: bool

    def __post_init__(self) -> None:
        """Refuse a specification that no environment can meet."""
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise InvalidSpecification(f"tasks {self.tasks} must be at least one, each once")
        if self.action_size < 1:
            raise InvalidSpecification(f"action_size {self.action_size} must be at least 1")
        if self.state_size < 0 or self.episode_length < 0:
            raise InvalidSpecification("state_size and episode_length must not be negative")
        if not (math.isfinite(self.control_period) and self.control_period > 0):
            raise InvalidSpecification(f"control_period {self.control_period} s must be above 0 s")
        Observations(state=self.state_size > 0, image=self.image)

    def check_task(self, task: str) -> None:
        """Raise UnknownName unless `task` is one of the tasks."""
        if task not in self.tasks:
            raise UnknownName("task", task, self.tasks)

    def action_spec(self) -> specs.BoundedArray:
        """Return the spec of an action: float32, each value within [-1, 1]."""
        return specs.BoundedArray((self.action_size,), np.float32, -1.0, 1.0, name="action")

    def observation_spec(self) -> dict[str, Any]:
        """Return the spec of each observation: `state`, `image` where there are, and `success`."""
        spec: dict[str, Any] = {}
        if self.state_size:
            spec["state"] = specs.Array((self.state_size,), np.float32, name="state")
        if self.image:
            spec["image"] = specs.BoundedArray((*self.image, 3), np.uint8, 0, 255, name="image")
        spec["success"] = specs.Array((), np.bool_, name="success")
        return spec
