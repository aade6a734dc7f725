"""Evaluations of a run's best expert, kept in the run's folder as `evaluations/FIRST-LAST.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polytask_contract.durable import replacing
from polytask_contract.errors import PolyTaskError
from polytask_contract.success import RULES
from polytask_learning.training.evaluate import Evaluation
from polytask_learning.training.run_folder import RunFolder

FOLDER = "evaluations"


class BrokenEvaluation(PolyTaskError):
    """A kept evaluation cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class KeptEvaluation:
    """What an expert did on test seeds.

    `expert` is the SHA-256 of its checkpoint, `steps` how many actions it has learnt from.
    """

    expert: str
    steps: int
    made_with: dict[str, str]
    result: Evaluation

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, each one above the one before."""
        return self.result.seeds


def keep(folder: RunFolder, evaluation: KeptEvaluation, part: str = "") -> Path:
    """Write `evaluation`, whole or not at all, over one on the same seeds; return its path.

    `part` says of what, where a policy is evaluated in several ways: a folder's relative path.
    """
    path = _path(folder, evaluation.seeds, part)
    with replacing(path) as aside:
        aside.write_text(json.dumps(as_json(evaluation), indent=1) + "\n", encoding="utf-8")
    return path


def as_json(evaluation: KeptEvaluation) -> dict[str, Any]:
    """Return it as JSON can say it."""
    return asdict(evaluation)


def kept(folder: RunFolder, seeds: Sequence[int], part: str = "") -> KeptEvaluation | None:
    """Return what is kept about the present best expert on just these `seeds`, or None.

    Raise BrokenEvaluation for a damaged file.
    """
    path = _path(folder, seeds, part)
    found = _read(path) if path.exists() else None
    same = found and (found.expert, found.seeds) == (folder.best_hash(), tuple(seeds))
    return found if same else None


def all_kept(folder: RunFolder, part: str = "") -> list[KeptEvaluation]:
    """Return all that is kept about the present best expert, the most episodes first."""
    paths = sorted((folder.path / FOLDER / part).glob("[0-9]*.json"))
    if not paths:
        return []
    present = folder.best_hash()
    found = [one for one in map(_read, paths) if one.expert == present]
    return sorted(found, key=lambda one: (-len(one.seeds), one.seeds))


def _path(folder: RunFolder, seeds: Sequence[int], part: str) -> Path:
    return folder.path / FOLDER / part / f"{seeds[0]}-{seeds[-1]}.json"


def _read(path: Path) -> KeptEvaluation:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        result = found["result"]
        evaluation = Evaluation(
            seeds=tuple(map(int, result["seeds"])),
            verdicts=tuple({rule: bool(one[rule]) for rule in RULES} for one in result["verdicts"]),
            returns=tuple(map(float, result["returns"])),
            full_return=float(result.get("full_return", 0.0)),
        )
        made_with = dict(found["made_with"])
        return KeptEvaluation(found["expert"], int(found["steps"]), made_with, evaluation)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenEvaluation(
            f"{path} is no evaluation ({error}); `polytask evaluate --again` on its seeds, or "
            "taking it away, mends that"
        ) from error
