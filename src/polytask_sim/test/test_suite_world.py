"""A suite as a world: tasks change at a reset, and everything random follows the reset's seed."""

from polytask_contract.conformance import flat
from polytask_contract.specification import Observations
from polytask_sim.suite_world import SuiteWorld
from polytask_sim.suites.point import PointSuite


def finish(steps):
    phases = []
    while True:
        try:
            phases.append(next(steps).phase)
        except StopIteration as done:
            return phases, done.value


def test_a_reset_builds_another_environment_only_for_another_task():
    world = SuiteWorld(PointSuite(), Observations())
    assert finish(world.begin("north_west", 1))[0] == ["resetting north_west"]
    assert finish(world.begin("south_east", 1))[0] == [
        "building south_east",
        "resetting south_east",
    ]
    world.close()


def test_the_seed_alone_decides_the_episode():
    world = SuiteWorld(PointSuite(), Observations())
    traces = []
    for _ in range(2):
        first = finish(world.begin("north_west", 4))[1]
        traces.append([flat(first), *(flat(world.advance([0.5, -0.5])) for _ in range(5))])
    assert traces[0] == traces[1]
    world.close()
