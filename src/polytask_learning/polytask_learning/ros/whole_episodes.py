"""The environment that is up, for who wants whole episodes or none."""

from typing import Any

import dm_env
from numpy.typing import ArrayLike

from polytask_contract.errors import WorldStopped
from polytask_ros.ros_environment import RosEnvironment


class WholeEpisodes(RosEnvironment):
    """A RosEnvironment whose episodes do not seem to end where they were stopped from outside."""

    def step(self, action: ArrayLike) -> dm_env.TimeStep:
        """Answer the newest turn; raise WorldStopped where the episode was stopped instead."""
        timestep: Any = super().step(action)
        if timestep.last() and self.ending_message:
            raise WorldStopped(self.ending_message)
        return timestep
