"""Scripted policies of Meta-World: upstream's, made to end in success and to hold it.

Upstream's scripts go on after success and undo some of their tasks, and one gets stuck on its way.
"""

import warnings

import dm_env
import numpy as np
from metaworld.policies import ENV_POLICY_MAP
from numpy.typing import NDArray

from polytask_contract.environment import Action
from polytask_contract.errors import InvalidSpecification

# A state begins with upstream's observation, which is all that upstream's scripts read.
UPSTREAM_SIZE = 39
# Where it tells the hand, the objects and the place to reach.
HAND, OBJECT, SECOND_OBJECT, GOAL = slice(0, 3), slice(4, 7), slice(11, 14), slice(36, 39)

# Where the hand goes first, from the first object [m]. Upstream's script for the door drops the
# hand as soon as it is near the handle, at times on the side from which it cannot pull.
DETOURS = {"door-open": np.array([0.03, 0.02, 0.2])}
NEAR_ENOUGH = 0.04
GAIN = 25.0


class MetaworldScript:
    """Upstream's script of one task; holds still while the task is done, goes on when it is not."""

    def __init__(self, task: str) -> None:
        """Prepare the script of `task`, a name without the version."""
        self._task = task
        self._script = ENV_POLICY_MAP[f"{task}-v3"]()
        self._detour: NDArray[np.float64] | None = None
        self._gripper = 0.0

    def __call__(self, timestep: dm_env.TimeStep) -> Action:
        """Return the next action; raise InvalidSpecification when the state or its goal is kept."""
        state = timestep.observation.get("state")
        if state is None or not state[GOAL].any():
            raise InvalidSpecification(
                f"the script of {self._task!r} needs the state and the goal in it; ask for both"
            )
        if timestep.first():
            self._detour = DETOURS.get(self._task)
        elif timestep.observation["success"]:
            return np.array([0, 0, 0, self._gripper], np.float32)
        action = np.clip(self._next(state.astype(np.float64)), -1, 1).astype(np.float32)
        self._gripper = action[-1]
        return action

    def _next(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._detour is not None:
            way = state[OBJECT] + self._detour - state[HAND]
            if np.linalg.norm(way[:2]) > NEAR_ENOUGH:
                return np.append(GAIN * way, 1.0)
            self._detour = None
        with warnings.catch_warnings():
            # Upstream warns of gains that it chose itself.
            warnings.filterwarnings("ignore", "Constant", UserWarning)
            wanted: NDArray[np.float64] = self._script.get_action(state[:UPSTREAM_SIZE])
        return wanted
