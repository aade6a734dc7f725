"""The verbs `check` and `test`: what must hold before a change is merged."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workspace.layout import Layout


def check(layout: Layout, environment: Mapping[str, str]) -> int:
    """Run every static check, also after one has failed. Returns 0 when all hold, 1 otherwise."""
    programs = layout.venv / "bin"
    commands: dict[str, list[str | Path]] = {
        "format": [programs / "ruff", "format", "--check", "."],
        "lint": [programs / "ruff", "check", "."],
        "types": [programs / "mypy", "."],
        "architecture": [programs / "lint-imports", "--no-logo"],
    }
    # None waits for another, and each takes one core; what they say keeps its order.
    with ThreadPoolExecutor(max_workers=len(commands)) as pool:
        runs = {
            title: pool.submit(_run, command, layout, environment)
            for title, command in commands.items()
        }
        results = [_passes(title, *run.result()) for title, run in runs.items()]
    return 0 if all(results) else 1


def test(layout: Layout, environment: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Run every check and then the tests, also after a check has failed.

    Returns 0 when all hold, else what pytest returned, or 1 when only a check failed.
    """
    checked = check(layout, environment)
    # Most tests wait for other processes, so two at a time take little more than one does; those of
    # a class share what the class started. conftest.py puts first what takes longest.
    spread = ["--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder"]
    command: list[str | Path] = [layout.python, "-m", "pytest", *spread, *arguments]
    tested = subprocess.run(command, cwd=layout.root, env=environment, check=False).returncode
    _free_shared_memory(layout, environment)
    if checked != 0:
        print("run: a check above failed", file=sys.stderr)
    return tested or checked


def _free_shared_memory(layout: Layout, environment: Mapping[str, str]) -> None:
    """Give back the shared memory that killed nodes have left: up to 35 MB each.

    What a process that lives has locked stays.
    """
    fastdds = layout.venv / "tools" / "fastdds" / "fastdds.py"
    command: list[str | Path] = [layout.python, fastdds, "shm", "clean"]
    subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)


def _run(
    command: Sequence[str | Path], layout: Layout, environment: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Return how a command ended, and how long it took [s]."""
    began = time.monotonic()
    finished = subprocess.run(
        command,
        cwd=layout.root,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return finished, time.monotonic() - began


def _passes(title: str, finished: subprocess.CompletedProcess[str], seconds: float) -> bool:
    verdict = "ok" if finished.returncode == 0 else "FAILED"
    print(f"{title}: {verdict} ({seconds:.1f} s)", file=sys.stderr, flush=True)
    if finished.returncode != 0:
        print(finished.stdout, file=sys.stderr)
    return finished.returncode == 0
