"""A folder of episodes: one file each, below its suite and task."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from polytask_contract.durable import write_under_first_free_name
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import SUFFIX, read_episode, read_scalars, to_bytes
from polytask_contract.episodes.form import Form
from polytask_contract.errors import PolyTaskError


class NoEpisodes(PolyTaskError):
    """A place where episodes were looked for has none; the message names it."""


class EpisodeStore:
    """Episodes in `<root>/<suite>/<task>/<number>.safetensors`, numbered as they came.

    Any number of processes may add at once, and be killed at any moment: every file that has a
    number is whole, and none is ever overwritten.
    """

    def __init__(self, root: Path) -> None:
        """Keep episodes below `root`, which the first one makes if need be."""
        self.root = root

    def add(self, episode: Episode) -> Path:
        """Bring `episode` to the disk and return the path of its file."""
        folder = self._folder(episode.suite, episode.task)
        first = max((int(path.stem) for path in _numbered(folder)), default=-1) + 1
        names = (f"{number:06d}{SUFFIX}" for number in count(first))
        return write_under_first_free_name(folder, names, to_bytes(episode))

    def paths(self, suite: str, task: str) -> list[Path]:
        """Return the files of a task, in order of their numbers; none for an unknown task."""
        return _numbered(self._folder(suite, task))

    def episodes(self, suite: str, task: str) -> Iterator[Episode]:
        """Read the episodes of a task one by one; raise BrokenEpisode at the first bad file."""
        return map(read_episode, self.paths(suite, task))

    def seeds(self, suite: str, task: str) -> set[int]:
        """Return the seeds of a task's episodes; only the beginnings of the files are read."""
        seeds = (read_scalars(path)["seed"] for path in self.paths(suite, task))
        return {seed for seed in seeds if seed is not None}

    def check(self, form: Form, task: str) -> None:
        """Raise InvalidEpisode if the newest episode of a task is not of that form."""
        for path in self.paths(form.suite, task)[-1:]:
            form.check(read_episode(path).form, f"what is to be added beside {path}")

    def _folder(self, suite: str, task: str) -> Path:
        return self.root / suite / task


def episode_paths(places: Iterable[Path]) -> list[Path]:
    """Return the files that `places` name, themselves or below them as folders, each once.

    Raise NoEpisodes for a place that does not exist or a folder without episodes.
    """
    found: dict[Path, None] = {}
    for place in places:
        inside = _below(place) if place.is_dir() else [place]
        if not place.exists() or not inside:
            problem = "has no episodes in it" if place.exists() else "does not exist"
            raise NoEpisodes(f"{place} {problem}; name files or folders of a store")
        found.update(dict.fromkeys(inside))
    return list(found)


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob(f"*{SUFFIX}") if path.stem.isdecimal())


def _numbered(folder: Path) -> list[Path]:
    """Return the episodes' files in `folder`; what a killed writer left has no number."""
    paths = (path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())
    return sorted(paths, key=lambda path: int(path.stem))
