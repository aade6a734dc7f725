"""The episodes of a run on disk, so that a replay can be filled again after a kill.

Each episode is one file under its running number. A checkpoint keeps the number of episodes alone:
whatever was written after it is dropped, and comes again.
"""

from pathlib import Path

import numpy as np

from polytask_contract.durable import replacing
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import SUFFIX, read_episode, to_bytes
from polytask_contract.errors import PolyTaskError
from polytask_learning.data.replay import Replay
from polytask_learning.types import Batch


class EpisodesMissing(PolyTaskError):
    """A replay cannot be restored: an episode that it held is not on disk."""


class EpisodeLog:
    """A replay and the files of the episodes in it."""

    def __init__(self, folder: Path, replay: Replay) -> None:
        """Keep the episodes of `replay` in `folder`; call `restore` before anything is added."""
        self._folder, self._replay = folder, replay
        self._count = 0

    def restore(self, count: int) -> None:
        """Fill the empty replay with what it held after `count` episodes; drop later files.

        Raise EpisodesMissing if one of them is not there, BrokenEpisode if one is damaged.
        """
        for path in self._paths():
            if int(path.stem) >= count:
                path.unlink()
        numbers = [int(path.stem) for path in self._paths()]
        first = numbers[0] if numbers else 0
        if numbers != list(range(first, count)):
            raise EpisodesMissing(
                f"{self._folder} has the episodes {numbers}; valid: all up to {count - 1}"
            )
        for number in numbers:
            self._replay.add(read_episode(self._path(number)))
        self._count = count

    def __len__(self) -> int:
        """Return how many transitions the replay has."""
        return len(self._replay)

    def sample(self, count: int, random: np.random.Generator) -> Batch:
        """Return transitions of the replay."""
        return self._replay.sample(count, random)

    def add(self, episode: Episode) -> None:
        """Keep `episode` on disk and in the replay."""
        with replacing(self._path(self._count)) as aside:
            aside.write_bytes(to_bytes(episode))
        self._count += 1
        self._replay.add(episode)

    def forget(self) -> None:
        """Delete the files of episodes that are no more in the replay.

        To be called after a checkpoint was written: the one before may still need them.
        """
        for path in self._paths():
            if int(path.stem) < self._count - self._replay.episodes:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}{SUFFIX}"

    def _paths(self) -> list[Path]:
        files = (path for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
        return sorted(files, key=lambda path: int(path.stem))
