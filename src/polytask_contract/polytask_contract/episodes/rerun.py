"""A recorded episode lived again, to see it as it was not recorded."""

from collections.abc import Iterator

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode, Picture
from polytask_contract.errors import PolyTaskError
from polytask_contract.suites import Photographed


class Unrepeatable(PolyTaskError):
    """An episode cannot be lived again, or went another way when it was; the message says why."""


def photographs(
    episode: Episode, environment: Environment, size: tuple[int, int]
) -> Iterator[Picture]:
    """Yield T + 1 pictures of `size` (rows, columns) of the re-run of `episode`.

    Raise Unrepeatable when it has no seed, the environment cannot photograph, or an action leads to
    another reward or success than was recorded.
    """
    name = f"the episode of {episode.suite} {episode.task}"
    if episode.seed is None:
        raise Unrepeatable(f"{name} does not begin at a reset, so it cannot be lived again")
    if not isinstance(environment, Photographed):
        raise Unrepeatable(f"suite {episode.suite!r} cannot be photographed")
    timestep = environment.reset(episode.seed)
    yield environment.photograph(size)
    recorded = zip(episode.actions, episode.rewards, episode.successes, strict=True)
    for step, (action, reward, success) in enumerate(recorded, start=1):
        timestep = environment.step(action)
        found = (timestep.reward, bool(timestep.observation["success"]))
        if found != (reward, success):
            raise Unrepeatable(
                f"{name} went another way at step {step}: reward and success are {found}; "
                f"recorded: {(float(reward), success)}"
            )
        yield environment.photograph(size)
        if timestep.last() and step < len(episode):
            raise Unrepeatable(f"{name} ended after {step} steps; recorded: {len(episode)}")
