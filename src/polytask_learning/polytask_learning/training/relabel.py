"""From learning to keeping: what a run has practised, with the actions of the expert it made.

First come steps of episodes that the expert has played by itself, half of what is kept at most.
Then comes a uniform sample of all practised steps that are on disk, with what the best expert does,
without noise, in place of what was done while learning. A long run has forgotten its oldest
episodes, as its replay has: the sample is then of the younger ones.

Of the demonstrations only the goal's picture is kept. Their steps are a few hundred beside tens of
thousands, so they would weigh nothing in a uniform sample; where they matter, their own files have
them with the demonstrator's actions.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from polytask_contract.durable import replacing
from polytask_contract.episodes.episode import Episode, Picture
from polytask_contract.episodes.episode_file import SUFFIX, BrokenEpisode, read_episode
from polytask_contract.errors import PolyTaskError
from polytask_learning.data.episode_log import EpisodesMissing
from polytask_learning.data.relabelled_data import parts_of
from polytask_learning.data.relabelled_file import (
    BrokenData,
    Label,
    Part,
    PartsWriter,
    most_played,
    read_label,
)
from polytask_learning.data.reservoir import InvalidSample, sampled_steps
from polytask_learning.settings import teaching_in
from polytask_learning.training.acting import seen_in
from polytask_learning.training.demonstrations import NoDemonstrations, Shown, hash_of
from polytask_learning.training.holding import held
from polytask_learning.training.playing import Playing, played
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert

RELABELLED = "relabelled.safetensors"
# Observations that the expert acts on at once.
BATCH = 256


class RunChanged(PolyTaskError):
    """A run got a better expert while it was relabelled; its files were left as they were."""


class Kept(NamedTuple):
    """An episode's file, the steps of it that are kept, and the steps whose pictures they need.

    `shown` (steps, K) are the steps of each one's stack, the first repeated before the start.
    """

    path: Path
    steps: NDArray[np.int64]
    shown: NDArray[np.int64]

    @property
    def needed(self) -> NDArray[np.int64]:
        """The steps whose pictures are kept, each once, ascending."""
        return np.unique(self.shown)


class Goal(NamedTuple):
    """The last picture of a demonstration, and the SHA-256 of the file that it is from."""

    hash: str
    picture: Picture


def relabel(
    run: Path,
    keep: int | None = None,
    demonstrations: Shown | None = None,
    playing: Playing | None = None,
) -> Path:
    """Write what is kept of the run at `run`, and return the path of the file.

    Without a `keep` it is as many steps as the suite wants, at most.
    It is left if it is there already: whole, of the same expert and practice, and for the same
    `keep`, goal and number of played episodes; none are played unless `playing` says so. The
    goal's picture is taken from `demonstrations`, and kept where they are given and have pictures.
    Raise RunBusy while the run is learning, InvalidSample for a `keep` below 1 or fewer
    episodes than none, NoRun without an expert, EpisodesMissing without what was practised,
    BrokenEpisode or InvalidEpisode for what is damaged or another's, NoDemonstrations where the
    run's own are not given, what `played` does, and OSError for a full disk: what was there stays.
    """
    playing = playing or Playing(0)
    if keep is not None and keep < 1:
        raise InvalidSample(f"{keep} steps are to be kept; valid: 1 or more")
    if playing.count is not None and playing.count < 0:
        raise InvalidSample(f"{playing.count} episodes are to be played; valid: 0 or more")
    # Where there is no run nothing is left behind, not even a lock.
    folder = RunFolder(run)
    with held(run):
        return _relabelled(folder, keep, demonstrations, playing)


def _relabelled(
    folder: RunFolder, keep: int | None, demonstrations: Shown | None, playing: Playing
) -> Path:
    run, expert = folder.path, folder.best_hash()
    trained = TrainedExpert(run)
    suite = trained.request.suite
    keep = teaching_in(suite).keep if keep is None else keep
    latest = trained.folder.latest()
    episodes = latest["progress"]["episodes"] if latest else 0
    goal = _goal(trained, demonstrations) if demonstrations else None
    label = _label(trained, expert, keep, (episodes, playing.count_in(suite)), goal)
    path = run / RELABELLED
    if _is_there(path, label):
        return path
    practised = _practised(trained, episodes)
    first = _kept(played(trained, expert, playing), most_played(keep), trained)
    steps = _steps(first)
    kept = [*first, *_kept(practised, keep - steps, trained)]
    label = replace(label, count=_steps(kept), played_steps=steps)
    with replacing(path) as aside:
        with aside.open("w+b") as file:
            _write(file, label, trained, kept, goal)
        if trained.folder.best_hash() != expert:
            raise RunChanged(f"{run} got a better expert meanwhile; relabel it again")
    return path


def _label(
    trained: TrainedExpert, expert: str, keep: int, episodes: tuple[int, int], goal: Goal | None
) -> Label:
    """Return the label of what there is to write, but for the counts of steps.

    The `episodes` are those that were practised and those that are played.
    """
    return Label(
        suite=trained.request.suite,
        task=trained.request.task,
        request=trained.folder.manifest["request"],
        form=trained.form,
        frame_stack=trained.kept_frames,
        expert=expert,
        keep=keep,
        episodes=episodes[0],
        played=episodes[1],
        goal=goal.hash if goal else None,
        count=0,
        played_steps=0,
    )


def _is_there(path: Path, label: Label) -> bool:
    try:
        return read_label(path) == label
    except (FileNotFoundError, BrokenData):
        # A damaged one can be made again.
        return False


def _practised(trained: TrainedExpert, count: int) -> list[Path]:
    """Return the files of the first `count` practised episodes, those that are still there."""
    folder = trained.folder.practised
    files = (path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
    # Later ones were not learnt from, and are dropped when the run goes on.
    paths = {int(path.stem): path for path in files if int(path.stem) < count}
    if not paths or sorted(paths) != list(range(min(paths), count)):
        found = f"the episodes {min(paths)} to {max(paths)}, not all" if paths else "no episodes"
        raise EpisodesMissing(
            f"{folder} has {found}, of {count} that were practised; valid: all up to {count - 1}"
        )
    return [paths[number] for number in sorted(paths)]


def _kept(episodes: Sequence[Path], keep: int, trained: TrainedExpert) -> list[Kept]:
    """Return which steps are kept of the `episodes`: so many, drawn evenly, or all."""
    if not (keep and episodes):
        return []
    chosen = sampled_steps([_length(path) for path in episodes], keep, trained.request.seed)
    back = np.arange(1 - trained.kept_frames, 1)
    return [
        Kept(path, steps, np.maximum(steps[:, None] + back, 0))
        for path, steps in zip(episodes, chosen, strict=True)
        if len(steps)
    ]


def _steps(kept: Sequence[Kept]) -> int:
    return sum(len(one.steps) for one in kept)


def _length(path: Path) -> int:
    """Return the number of actions of the episode at `path`, of which only the head is read."""
    try:
        with safe_open(path, framework="numpy") as file:
            return int(file.get_slice("actions").get_shape()[0])
    except SafetensorError as error:
        raise BrokenEpisode(path, error) from error


def _write(
    file: BinaryIO,
    label: Label,
    trained: TrainedExpert,
    kept: Sequence[Kept],
    goal: Goal | None,
) -> None:
    """Fill `file`, an episode at a time."""
    pictured = bool(label.frame_stack)
    frames = sum(len(one.needed) for one in kept) if pictured else 0
    parts = parts_of(label, frames)
    if goal:
        parts["goal"] = Part("U8", goal.picture.shape)
    writer = PartsWriter(file, label, parts)
    begin = 0
    for one in kept:
        episode = read_episode(one.path)
        episode.form.check(label.form, f"the episode at {one.path}")
        writer.append("actions", _acted(trained, episode, one.steps))
        if "state" in parts:
            writer.append("state", episode.observations["state"][one.steps])
        if pictured:
            needed = one.needed
            writer.append("rows", begin + np.searchsorted(needed, one.shown))
            writer.append("image", episode.observations["image"][needed].transpose(0, 3, 1, 2))
            begin += len(needed)
    if goal:
        writer.append("goal", goal.picture)
    writer.seal()


def _acted(
    trained: TrainedExpert, episode: Episode, steps: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return what the expert does at `steps` of `episode` (steps, A), without noise."""
    seen = seen_in(episode, trained.frame_stack)[torch.from_numpy(steps)]
    acted = [trained.expert.act(some, explore=False) for some in torch.split(seen, BATCH)]
    return torch.cat(acted).numpy()


def _goal(trained: TrainedExpert, store: Shown) -> Goal | None:
    """Return the goal in the first demonstration of the run, None where it has no pictures."""
    hashes = trained.folder.manifest["demonstrations"]
    if not hashes:
        return None
    first = hashes[0]
    suite, task = trained.request.suite, trained.request.task
    for path in store.paths(suite, task):
        if hash_of(path) == first:
            episode = read_episode(path)
            seen = "image" in episode.observations
            return Goal(first, episode.goal_image) if seen else None
    raise NoDemonstrations(
        f"{store.root} has not the demonstration of {suite} {task} that {trained.folder.path} was "
        f"learnt from; valid: the store with the file of SHA-256 {first}"
    )
