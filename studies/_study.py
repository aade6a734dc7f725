"""What studies share: a verb performed, and a result that says how it was made."""

import datetime as dt
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._report import device, say
from polytask_contract.durable import replacing

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "runs" / "study"
# Tests of each task and seed unless another number is asked for.
TESTS = 20


def polytask(*words: str | Path) -> None:
    """Perform a verb, and end when it fails."""
    command = ["polytask", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def command_of(words: str, seeds: int, tests: int) -> str:
    """Return the command of a study, which makes its result anew."""
    more = f" --episodes {tests}" if tests != TESTS else ""
    return f"./run study {words} --seeds {seeds}{more}"


def made_by(command: str) -> dict[str, str]:
    """Return how a result was made: the machine, the command, the commit, the day."""
    commit = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    return {
        "device": device(),
        "command": command,
        "commit": subprocess.run(commit, capture_output=True, text=True, check=True).stdout.strip(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def write_result(name: str, result: Mapping[str, Any]) -> None:
    """Write a result to docs/results, whole or not at all, and say where."""
    path = ROOT / "docs" / "results" / f"{name}.json"
    with replacing(path) as aside:
        aside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    say(f"wrote {path.relative_to(ROOT)}")
