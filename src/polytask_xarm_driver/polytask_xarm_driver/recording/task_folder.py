"""Where the episodes of one task go while a recorder adds to them."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from polytask_contract.durable import make_folder
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import read_scalars
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import PolyTaskError
from polytask_xarm_driver.recording.raw_file import (
    SUFFIX,
    RawFile,
    RawTopic,
    is_complete,
    left_aside,
)

LOCK = ".recorder.lock"


class NotWritable(PolyTaskError):
    """Episodes cannot be written to a folder; the message says why."""


class FolderInUse(PolyTaskError):
    """Another recorder adds to the same folder."""


class TaskFolder:
    """The folder of a task in a store of episodes, held by one recorder at a time.

    Every method raises NotWritable where the disk refuses.
    """

    def __init__(self, root: Path, form: Form, task: str) -> None:
        """Hold the folder of `task` below `root`, which is made if need be.

        Raise FolderInUse while another recorder holds it, and InvalidEpisode or BrokenEpisode where
        what is in it already is not of this `form`. What a killed recorder left is settled.
        """
        self._root = root
        self._store = EpisodeStore(root)
        self._suite, self._task = form.suite, task
        self._folder = root / form.suite / task
        with self._writing():
            make_folder(self._folder)
            self._lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with self._writing():
                self._claim()
                self._store.check(form, task)
                self._try_a_link()
                self._settle()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the folder, once; the death of the process does it, too."""
        os.close(self._lock)

    @property
    def seeds(self) -> set[int]:
        """The seeds of the episodes that are there; raise BrokenEpisode for what is none."""
        return self._store.seeds(self._suite, self._task)

    def open_raw(self, seed: int, topics: Mapping[str, RawTopic]) -> RawFile:
        """Return a file for the raw messages of an episode of `seed`."""
        with self._writing():
            return RawFile(self._folder, seed, topics)

    def add(self, episode: Episode, raw: RawFile | None, facts: Mapping[str, str]) -> Path:
        """Write `episode`, and beside it the `raw` messages with `facts`; return its path."""
        with self._writing():
            if raw is not None:
                raw.complete(facts)
            path = self._store.add(episode)
            if raw is not None:
                raw.keep(path.with_suffix(SUFFIX))
        return path

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(f"another recorder writes to {self._folder}") from None

    def _try_a_link(self) -> None:
        """Find out now, and not after an episode, whether the file system has room and links."""
        aside = self._folder / f".{secrets.token_hex(8)}.partial"
        link = aside.with_suffix(".link.partial")
        try:
            aside.write_bytes(b"\0")
            link.hardlink_to(aside)
        finally:
            link.unlink(missing_ok=True)
            aside.unlink(missing_ok=True)

    def _settle(self) -> None:
        """Give raw files that were complete to their episodes, and remove the others.

        A recorder that is killed between an episode and its raw file leaves the one without the
        other; a seed has at most one episode, so they find each other.
        """
        leftovers = left_aside(self._folder)
        episodes = self._store.paths(self._suite, self._task) if leftovers else []
        paths = {read_scalars(path)["seed"]: path for path in episodes}
        for aside, seed in leftovers.items():
            path = paths.get(seed)
            if path and is_complete(aside) and not path.with_suffix(SUFFIX).exists():
                aside.replace(path.with_suffix(SUFFIX))
            else:
                aside.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotWritable(f"{self._folder} cannot be written: {error}") from error
