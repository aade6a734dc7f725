"""A run on disk: its configuration, checkpoints, episodes and metrics, resumable at any moment."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from polytask_contract.durable import PARTIAL, make_folder, replacing
from polytask_contract.errors import PolyTaskError
from polytask_learning.training.checkpoint import read_checkpoint, write_checkpoint

MANIFEST = "manifest.json"
METRICS = "metrics.jsonl"
# Is locked by who writes into the run.
LOCK = "lock"
LATEST, BEST = "latest.checkpoint", "best.checkpoint"
# What a run was begun with besides what it was asked for; another call may differ in it.
MADE_WITH = "made_with"
# Among that, whether the environment was a simulation.
SIMULATED = "simulated"


class OtherConfiguration(PolyTaskError):
    """A run folder was made with other settings; it was left as it is."""


class NoRun(PolyTaskError):
    """A folder is no run, or not one that has got far enough; the message names it."""


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        """Open the run at `path`; raise NoRun if there is none."""
        self.path = path
        self._checkpoints = path / "checkpoints"
        episodes = path / "episodes"
        self.practised, self.imitable = episodes / "practised", episodes / "own"
        self.played = episodes / "played"
        try:
            self.manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoRun(f"{path} is no run: it has no {MANIFEST}") from error
        except ValueError as error:
            raise NoRun(f"{path / MANIFEST} is damaged: {error}") from error
        if not isinstance(self.manifest, dict):
            raise NoRun(f"{path / MANIFEST} is damaged: it is no table of what a run is")

    @classmethod
    def begin(cls, path: Path, manifest: Mapping[str, Any]) -> Self:
        """Return the run at `path`, begun if there is nothing.

        Raise OtherConfiguration if it is another one, but for what it was made with.
        """
        wanted = json.loads(json.dumps(manifest))
        if (path / MANIFEST).exists():
            found = cls(path)
            _check_same(path, wanted, found.manifest)
            return found
        check_place(path)
        make_folder(path)
        with replacing(path / MANIFEST) as aside:
            aside.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        return cls(path)

    @property
    def simulated(self) -> bool:
        """Whether it was begun in a simulation, and not on a robot."""
        return bool(self.manifest.get(MADE_WITH, {}).get(SIMULATED, True))

    def latest(self) -> dict[str, Any] | None:
        """Return the newest state, None before the first; raise BrokenCheckpoint if damaged."""
        path = self._checkpoints / LATEST
        return read_checkpoint(path) if path.exists() else None

    def best(self) -> dict[str, Any]:
        """Return the state of the best expert so far.

        Raise NoRun before there is one, BrokenCheckpoint if it is damaged.
        """
        return read_checkpoint(self._best_path())

    @property
    def has_best(self) -> bool:
        """Whether there is a best expert yet."""
        return (self._checkpoints / BEST).exists()

    def best_hash(self) -> str:
        """Return the SHA-256 of the best expert's checkpoint; raise NoRun before there is one."""
        return hashlib.sha256(self._best_path().read_bytes()).hexdigest()

    def _best_path(self) -> Path:
        if not self.has_best:
            raise NoRun(f"{self.path} has no expert yet: it was stopped before its first one")
        return self._checkpoints / BEST

    def keep_latest(self, state: Mapping[str, Any]) -> None:
        """Write the newest state."""
        write_checkpoint(self._checkpoints / LATEST, state)

    def keep_best(self, state: Mapping[str, Any]) -> None:
        """Write the best expert."""
        write_checkpoint(self._checkpoints / BEST, state)

    def tell(self, metrics: Mapping[str, float]) -> None:
        """Append a line of metrics, one of which is `steps`."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def told(self) -> Iterator[dict[str, float]]:
        """Yield the lines of metrics; what is unfinished or damaged is passed over."""
        path = self.path / METRICS
        if not path.exists():
            return
        for line in path.read_bytes().splitlines():
            try:
                metrics = json.loads(line)
            except ValueError:
                continue
            if isinstance(metrics, dict) and isinstance(metrics.get("steps"), int | float):
                yield metrics

    def forget_after(self, steps: int) -> None:
        """Drop the lines of metrics from after `steps`: they will be told again."""
        kept = [metrics for metrics in self.told() if metrics["steps"] <= steps]
        with replacing(self.path / METRICS) as aside:
            aside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def is_left_over(name: str) -> bool:
    """Tell whether a file of this name is what a killed writer has left: nobody reads it."""
    return name.startswith(".") and PARTIAL in name


def check_place(path: Path) -> None:
    """Raise OtherConfiguration where there is something at `path` that is no run."""
    if (path / MANIFEST).exists() or not path.exists():
        return
    # A writer that was killed before the first file was whole has left nothing that counts.
    if any(one.name != LOCK and not is_left_over(one.name) for one in path.iterdir()):
        raise OtherConfiguration(f"{path} is no run, and not empty; name another place")


def _check_same(path: Path, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in sorted({*wanted, *found} - {MADE_WITH}):
        new, old = wanted.get(name), found.get(name)
        if isinstance(new, dict) and isinstance(old, dict):
            _check_same(path, new, old)
        elif new != old:
            raise OtherConfiguration(
                f"the run in {path} has {name} {old!r}, not {new!r}; name another place, or ask "
                "for what it was begun with"
            )
