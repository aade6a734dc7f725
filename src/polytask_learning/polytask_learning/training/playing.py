"""What an expert does when it is left alone: episodes without noise, to be learnt from.

Practice shows where noise and younger policies have led to, and seldom where the expert goes. Who
is taught by practice alone knows little of the ways that it is to take.
"""

from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from polytask_contract.durable import make_folder, replacing
from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import SUFFIX, to_bytes
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.recording import Recording
from polytask_contract.errors import PolyTaskError
from polytask_contract.seeds import PLAYED
from polytask_contract.suites import Policy, find_suite
from polytask_learning.settings import teaching_in
from polytask_learning.training.patience import patiently
from polytask_learning.training.trained import TrainedExpert
from polytask_learning.training.watch import Phase, Unwatched, Watch


class NotSimulated(PolyTaskError):
    """An expert of a robot was to play in the simulation; nothing was played."""


@dataclass(frozen=True)
class Playing:
    """How many episodes an expert is to play, where, and who looks on.

    Without a `count` they are as many as its suite wants. Without an `environment` it plays in a
    simulation of its suite, if it has learnt in one.
    """

    count: int | None = None
    environment: Environment | None = None
    watch: Watch = field(default_factory=Unwatched)

    def count_in(self, suite: str) -> int:
        """Return how many an expert of `suite` is to play."""
        return teaching_in(suite).played if self.count is None else self.count


def played(trained: TrainedExpert, expert: str, playing: Playing) -> list[Path]:
    """Return the files of the episodes that were asked for, and play those that there are not.

    They are in the run, under the first letters of `expert`, the SHA-256 of its checkpoint. Raise
    InvalidEpisode for an environment of another form than the expert has learnt in, NotSimulated
    where a robot's expert would have to play in the simulation, and what the environment fails
    with; what has been played by then is kept.
    """
    folder = trained.folder.played / expert[:12]
    count = playing.count_in(trained.request.suite)
    paths = [folder / f"{number:06d}{SUFFIX}" for number in range(count)]
    missing = {number: path for number, path in enumerate(paths) if not path.exists()}
    if missing and playing.environment is None and not trained.folder.simulated:
        raise NotSimulated(
            f"{trained.folder.path} was learnt on a robot, which has still to play {len(missing)} "
            f"of {count} episodes; valid: the {count - len(missing)} that it has played, or a goal "
            "for its learner's node"
        )
    if missing:
        make_folder(folder)
        with _environment(trained, playing.environment) as environment:
            found = Form.of(environment.specification)
            found.check(trained.form, f"the suite {found.suite}")
            for number, path in missing.items():
                playing.watch.at(Phase.RELABELLING, number, count)
                _play(environment, trained.policy(), number, path, playing.watch)
    return paths


def _environment(
    trained: TrainedExpert, given: Environment | None
) -> AbstractContextManager[Environment]:
    if given is not None:
        return nullcontext(given)
    request = trained.request
    made = find_suite(request.suite).make(request.task, request.seed, request.practised_with)
    return closing(made)


def _play(environment: Environment, policy: Policy, number: int, path: Path, watch: Watch) -> None:
    """Play the episode of this number, and write it to `path`."""
    seed = PLAYED[number]

    def whole() -> Episode:
        timestep = environment.reset(seed)
        recording = Recording(timestep)
        while not timestep.last():
            action = policy(timestep)
            timestep = environment.step(action)
            recording.add(action, timestep)
        return recording.episode(environment.specification, environment.task, seed, "policy")

    episode = patiently(whole, watch)
    with replacing(path) as aside:
        aside.write_bytes(to_bytes(episode))
