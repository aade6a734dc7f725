"""Episodes that somebody named one by one, or by the folders that they are in."""

from collections.abc import Sequence
from functools import cached_property
from os.path import commonpath
from pathlib import Path

from polytask_contract.episodes.episode_file import read_scalars
from polytask_contract.episodes.store import episode_paths


class ChosenEpisodes:
    """Files of episodes, whatever their names, to be looked up by what is in them."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Find the files that `places` name, themselves or as folders.

        Raise NoEpisodes for a place without any.
        """
        self._paths = episode_paths(places)

    @cached_property
    def root(self) -> Path:
        """The folder that they all are below."""
        return Path(commonpath([path.absolute().parent for path in self._paths] or [Path.cwd()]))

    def paths(self, suite: str, task: str) -> list[Path]:
        """Return the files with episodes of a task; raise BrokenEpisode for what is none."""
        return [path for path in self._paths if _is_of(path, suite, task)]


def _is_of(path: Path, suite: str, task: str) -> bool:
    scalars = read_scalars(path)
    return (scalars["suite"], scalars["task"]) == (suite, task)
