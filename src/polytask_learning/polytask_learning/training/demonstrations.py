"""The demonstrations that a run learns from, as its expert will see them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.errors import PolyTaskError
from polytask_contract.seeds import check_demonstrated
from polytask_learning.training.request import Request

# Only numbers that were shown to move by more are scaled: blown up, those that hardly moved would
# make every place that was not shown look strange.
LEAST_SPREAD = 1.0


class NoDemonstrations(PolyTaskError):
    """There are too few demonstrations of a task; the message says how to get some."""


class Shown(Protocol):
    """A place with demonstrations, as an EpisodeStore is one."""

    @property
    def root(self) -> Path:
        """Where that is."""

    def paths(self, suite: str, task: str) -> list[Path]:
        """Return the files of a task's demonstrations, in their order."""


class Demonstration(NamedTuple):
    """An episode without what is not looked at, and the SHA-256 of the file that it is from."""

    episode: Episode
    hash: str


def demonstrated(request: Request, store: Shown, environment: Environment) -> list[Demonstration]:
    """Return the first demonstrations of the task; raise NoDemonstrations for too few.

    Raise BrokenEpisode for a damaged one, InvalidEpisode for one that could not be recorded in
    `environment`, SeedInUse for one that begins as a test does.
    """
    paths, specification = store.paths(request.suite, request.task), environment.specification
    if len(paths) < request.demonstrations:
        raise NoDemonstrations(
            f"{store.root} has {len(paths)} demonstrations of {request.suite} {request.task}; "
            f"valid: at least {request.demonstrations}; get them with `polytask demos collect "
            f"--suite {request.suite} --task {request.task} --output {store.root}`"
        )
    shown = []
    for path in paths[: request.demonstrations]:
        # What the expert does not see, demonstrations may have or not.
        wanted = {*environment.observation_spec()} - (
            {"image"} if not request.frame_stack else set()
        )
        whole = read_episode(path)
        if whole.seed is not None:
            check_demonstrated(whole.seed)
        seen = {name: values for name, values in whole.observations.items() if name in wanted}
        episode = replace(whole, observations=seen)
        image = specification.image if request.frame_stack else None
        episode.check_against(replace(specification, image=image))
        shown.append(Demonstration(episode, hash_of(path)))
    return shown


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a demonstration's file, by which a run knows it again."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def whitening(demonstrations: Sequence[Episode]) -> tuple[Tensor, Tensor]:
    """Return the mean (D,) of the demonstrated states, and by what to divide each number (D,)."""
    states = torch.cat([torch.tensor(one.observations["state"]) for one in demonstrations])
    return states.mean(dim=0), states.std(dim=0, correction=0).clamp(min=LEAST_SPREAD)
