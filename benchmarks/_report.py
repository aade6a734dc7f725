"""What every benchmark begins and ends with: no arguments, a device, one line of JSON."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPU_FACTS = Path("/proc/cpuinfo")


def refuse_arguments() -> None:
    """End the process with one sentence and status 2 when it was given arguments: it takes none."""
    if len(sys.argv) > 1:
        name = Path(sys.argv[0]).stem
        print(f"{name}: unknown argument {sys.argv[1]!r}; valid: none", file=sys.stderr)
        sys.exit(2)


def device() -> str:
    """Return the processor's name and the number of cores that this process may use."""
    facts = CPU_FACTS.read_text(encoding="utf-8") if CPU_FACTS.is_file() else ""
    models = [line.split(":", 1)[1].strip() for line in facts.splitlines() if "model name" in line]
    model = models[0] if models else platform.processor() or platform.machine()
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def say(progress: str) -> None:
    """Tell a watching person how far the benchmark is; its result alone goes to stdout."""
    print(progress, file=sys.stderr, flush=True)


def report(name: str, cases: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the result of the benchmark `name` as its one line of JSON."""
    rounded = {case: {key: _rounded(x) for key, x in row.items()} for case, row in cases.items()}
    print(json.dumps({"name": name, "device": device(), "cases": rounded}), flush=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
