"""What a policy of other tasks brings to an expert of a new one, which begins as that policy.

For each task a policy is distilled from the experts of all others, which are those of `./run study
learning metaworld_state`, in the same place. An expert begins as that policy, and is compared with
the one that began at random, on the same demonstration. Whatever is finished is not done again. The
result goes to docs/results/transfer_metaworld.json.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import say
from polytask_contract.cli import argument_types
from polytask_contract.suites import find_suite
from polytask_learning.distilling.metrics import area, forward_transfer
from polytask_learning.training.evaluate import DEVIATIONS
from studies._study import RUNS, made_by, polytask, write_result

SUITE, EXPERTS = "metaworld", "metaworld_state"
# Two that are like others (a wall, another side) and three that are not.
TASKS = ("button-press-wall", "plate-slide-back", "coffee-button", "door-unlock", "drawer-open")
STEPS, EVALUATE_EVERY = 25_000, 2500


def learnt(task: str, seed: int, runs: Path) -> Path:
    """Return the run of an expert of `task` that began as a policy of all other tasks."""
    place = runs / "transfer" / task / f"seed-{seed}"
    policy, expert = place / "policy", place / "expert"
    others = [one for one in find_suite(SUITE).tasks if one != task]
    teachers = [runs / EXPERTS / one / f"seed-{seed}" for one in others]
    words = ["--goal", "language", "--seed", str(seed)]
    polytask("distill", "--runs", *teachers, *words, "--output", policy)
    polytask(
        *("learn", "--suite", SUITE, "--task", task, "--seed", str(seed), "--start-from", policy),
        *("--demonstrations", runs / "demonstrations" / EXPERTS, "--output", expert),
        *("--steps", str(STEPS), "--evaluate-every", str(EVALUATE_EVERY), "--no-videos"),
    )
    return expert


def curve(run: Path) -> list[tuple[float, float]]:
    """Return the validated success of a run over its steps."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    told = [line for line in map(json.loads, lines) if "evaluation/held" in line]
    return [(line["steps"], line["evaluation/held"]) for line in told]


def row(task: str, seed: int, runs: Path) -> dict[str, Any]:
    """Return how an expert did that began as a policy, and how one did that began at random."""
    begun = curve(learnt(task, seed, runs))
    alone = curve(runs / EXPERTS / task / f"seed-{seed}")
    return {
        "seed": seed,
        "clone": begun[0][1],
        "clone_alone": alone[0][1],
        "steps": begun[-1][0],
        "steps_alone": alone[-1][0],
        "area": round(area(begun, STEPS), 4),
        "area_alone": round(area(alone, STEPS), 4),
        "forward_transfer": forward_transfer(begun, alone, STEPS),
    }


def area_gain(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return by how much the area is larger, on the mean over all experts, with its interval."""
    gains = [one["area"] - one["area_alone"] for one in rows]
    gain = mean(gains)
    reach = DEVIATIONS * stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else 1.0
    return {"mean": gain, "low": gain - reach, "high": gain + reach}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="./run study transfer", description=__doc__)
    parser.add_argument("--seeds", type=argument_types.positive, default=3, help="experts a task")
    parser.add_argument("--runs", type=Path, default=RUNS, help="their place")
    return parser.parse_args(arguments)


def main() -> None:
    """Study all tasks, and write what was found."""
    options = parse(sys.argv[1:])
    seeds, runs = range(options.seeds), options.runs.absolute()
    tasks, found, experts = {}, list[float](), list[dict[str, Any]]()
    for task in TASKS:
        rows = [row(task, seed, runs) for seed in seeds]
        areas = [mean(one[name] for one in rows) for name in ("area", "area_alone")]
        transfer = (areas[0] - areas[1]) / (1 - areas[1]) if areas[1] < 1 else None
        experts += rows
        found += [] if transfer is None else [transfer]
        tasks[task] = {"forward_transfer": transfer, "experts": rows}
        say(f"{task}: forward transfer {transfer}")
    about = {
        "claim": "an expert of Meta-World that begins as the policy of the 15 other tasks",
        "forward_transfer": mean(found),
        "area_gain": area_gain(experts),
        "tasks": tasks,
        "seeds": list(seeds),
        **made_by(f"./run study transfer --seeds {options.seeds}"),
    }
    write_result("transfer_metaworld", about)


if __name__ == "__main__":
    main()
