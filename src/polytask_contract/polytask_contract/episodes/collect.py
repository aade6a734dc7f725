"""Demonstrations from a policy: each ends where its task has been accomplished and stayed so.

Scripts that go on after success undo some tasks, and the last frame would show the wrong goal.
"""

from collections.abc import Collection, Iterator
from itertools import count as count_up
from typing import NamedTuple

from polytask_contract.environment import Environment, check_seed
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.recording import Recording
from polytask_contract.errors import PolyTaskError
from polytask_contract.suites import Policy

# Success must be up for so many steps in a row: twice what the paper's rule asks for, and less
# than any suite's script needs to spare.
HOLD = 20
# So many failures in a row, and the policy is taken to be unable.
PATIENCE = 20


class CollectionFailed(PolyTaskError):
    """A policy failed too often; what it had demonstrated before is kept."""


class Attempt(NamedTuple):
    """One try: the seed of its reset, and the demonstration unless it failed."""

    seed: int
    episode: Episode | None


def attempt(
    environment: Environment,
    policy: Policy,
    seed: int,
    *,
    hold: int = HOLD,
    sight: Environment | None = None,
    source: str = "script",
) -> Episode | None:
    """Let `policy` act from the reset of `seed` until success has been up for `hold` steps.

    None if the episode ends before. `sight` is another environment of the same task, which lives
    the same episode and shows the policy what the recorded one does not.
    """
    timestep = environment.reset(seed)
    seen = sight.reset(seed) if sight else timestep
    recording = Recording(timestep)
    held = 0
    while held < hold and not timestep.last():
        action = policy(seen)
        timestep = environment.step(action)
        seen = sight.step(action) if sight else timestep
        recording.add(action, timestep)
        held = held + 1 if timestep.observation["success"] else 0
    if held < hold:
        return None
    return recording.episode(environment.specification, environment.task, seed, source)


def collect(
    environment: Environment,
    policy: Policy,
    count: int,
    seed: int,
    *,
    hold: int = HOLD,
    sight: Environment | None = None,
    taken: Collection[int] = (),
) -> Iterator[Attempt]:
    """Try the seeds from `seed` on, except those `taken`, until `count` demonstrations are made.

    Raise CollectionFailed after PATIENCE failures in a row, InvalidSeed when the seeds run out.
    """
    made = tried = failed_in_a_row = 0
    seeds = (number for number in count_up(seed) if number not in taken)
    while made < count:
        number = next(seeds)
        check_seed(number)
        episode = attempt(environment, policy, number, hold=hold, sight=sight)
        tried += 1
        made += episode is not None
        failed_in_a_row = 0 if episode else failed_in_a_row + 1
        yield Attempt(number, episode)
        if failed_in_a_row >= PATIENCE:
            name = f"{environment.specification.suite} {environment.task}"
            raise CollectionFailed(
                f"{tried - made} of {tried} attempts at {name} failed, the last {PATIENCE} in a "
                f"row: success was not up for {hold} steps in a row before the episode's end; "
                f"{made} of {count} demonstrations were made"
            )
