"""An environment whose resets take as long as a real arm's: the point world, 1.5 s away.

python -m polytask_tests.slow_server
"""

from collections.abc import Generator

import dm_env

from polytask_contract.errors import ResetFailed
from polytask_contract.specification import Observations
from polytask_contract.world import Progress
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.runtime import run_node
from polytask_sim.suite_world import SuiteWorld
from polytask_sim.suites.point import PointSuite

STEPS = 75
UNREACHABLE, BROKEN, FAR = 13, 14, 15
# The way from FAR, and the breath by which everybody must have noticed who asked for it.
LONG_WAY, NOTICED = 3000, 75


class SlowWorld(SuiteWorld):
    """Takes STEPS breaths for each reset, and says on standard output when it is stopped."""

    def begin(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Drive to the start, slowly; from some places there is no way."""
        if seed == BROKEN:
            raise ZeroDivisionError("a mistake in a world")
        if seed == UNREACHABLE:
            yield Progress("looking for a way", 0.0)
            raise ResetFailed("the start cannot be reached from here")
        try:
            steps = LONG_WAY if seed == FAR else STEPS
            for step in range(steps):
                if step == NOTICED:
                    print("still driving", flush=True)
                yield Progress("driving to the start", step / steps)
        except GeneratorExit:
            print("reset broken off", flush=True)
            raise
        return (yield from super().begin(task, seed))

    def stop(self, reason: str) -> None:
        """Say so."""
        print(f"stopped: {reason}", flush=True)


class SlowServer(EnvironmentServer):
    """Serves the slow world."""

    def make_world(self) -> SlowWorld:
        """Return the point world, without pictures."""
        return SlowWorld(PointSuite(), Observations(image=None))


if __name__ == "__main__":
    run_node(lambda: SlowServer("slow_server"))
