"""A run on disk: its configuration, checkpoints, episodes and metrics, resumable at any moment."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polytask_contract.durable import make_folder, replacing
from polytask_contract.errors import PolyTaskError
from polytask_learning.training.checkpoint import read_checkpoint, write_checkpoint

MANIFEST = "manifest.json"
METRICS = "metrics.jsonl"
LATEST, BEST = "latest.checkpoint", "best.checkpoint"


class OtherConfiguration(PolyTaskError):
    """A run folder was made with other settings; it was left as it is."""


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        """Open the run at `path`, or begin it; raise OtherConfiguration if it is another one."""
        self.path = path
        self._checkpoints = path / "checkpoints"
        self.episodes = path / "episodes"
        wanted = json.loads(json.dumps(manifest))
        if (path / MANIFEST).exists():
            _check_same(path, wanted, json.loads((path / MANIFEST).read_text(encoding="utf-8")))
            return
        if path.exists() and any(path.iterdir()):
            raise OtherConfiguration(f"{path} is no run, and not empty; name another place")
        make_folder(path)
        with replacing(path / MANIFEST) as aside:
            aside.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")

    def latest(self) -> dict[str, Any] | None:
        """Return the newest state, None before the first; raise BrokenCheckpoint if damaged."""
        path = self._checkpoints / LATEST
        return read_checkpoint(path) if path.exists() else None

    def best(self) -> dict[str, Any]:
        """Return the best expert so far; raise FileNotFoundError before there is one."""
        return read_checkpoint(self._checkpoints / BEST)

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
        """Yield the lines of metrics; what a killed writer left unfinished is passed over."""
        path = self.path / METRICS
        if not path.exists():
            return
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def forget_after(self, steps: int) -> None:
        """Drop the lines of metrics from after `steps`: they will be told again."""
        kept = [metrics for metrics in self.told() if metrics["steps"] <= steps]
        with replacing(self.path / METRICS) as aside:
            aside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _check_same(path: Path, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise OtherConfiguration(
                f"the run in {path} has {name} {found.get(name)!r}, not {wanted.get(name)!r}; name "
                "another place, or ask for what it was begun with"
            )
