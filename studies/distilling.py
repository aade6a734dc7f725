"""What is left of whole suites' experts when they are one policy, and when they join one by one.

The experts are those of `./run study learning`, in the same place; a policy of a seed is distilled
from the experts of that seed. Whatever is finished is not done again, so that the study may be
interrupted at any time. Policies and experts are tested on the same seeds, apart from those that
trained and chose the experts. Results go to docs/results/.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from polytask_contract.cli import argument_types
from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.settings import FULL_RETURN
from polytask_learning.training.evaluate import Evaluation
from studies._distilling_claims import CLAIMS, Claim
from studies._retention import retention_interval
from studies._study import RUNS, TESTS, command_of, made_by, polytask, write_result

RULE = "held"
# Demonstrations of a task whose last pictures are its goal images.
PICTURES = 10


def pictured(claim: Claim, store: Path) -> list[str]:
    """Return the words that name demonstrations with pictures, which the suite's scripts make."""
    if "image" not in claim.goals:
        return []
    for task in claim.all_tasks:
        missing = PICTURES - len(EpisodeStore(store).paths(claim.suite, task))
        if missing > 0:
            # Other seeds than those that experts have been shown.
            words = ["--suite", claim.suite, "--task", task, "--count", str(missing)]
            polytask("demos", "collect", *words, "--seed", "5000", "--output", store)
    return ["--demonstrations", str(store)]


def made(claim: Claim, seed: int, experts: Path, run: Path, more: Sequence[str]) -> None:
    """Distil the experts of `seed`, or go on; `more` words are of all goals or of a variant."""
    runs = [experts / task / f"seed-{seed}" for task in claim.all_tasks]
    first = runs[:1] if claim.lifelong else runs
    words = ["--goal", *claim.goals, "--seed", str(seed), *claim.words, *more]
    stages = len(list((run / "stages").glob("*/checkpoints/best.checkpoint")))
    if not stages:
        polytask("distill", "--runs", *first, "--output", run, *words)
    for new in runs[max(stages, 1) : len(runs) if claim.lifelong else 0]:
        polytask("lifelong", "add", "--run", run, "--expert", new)


def tested(claim: Claim, run: Path, episodes: int) -> dict[str, Any]:
    """Return what `polytask evaluate` says of the policy."""
    path = Path(f"{run}.evaluation.json")
    stages = "all" if claim.lifelong else "last"
    words = ["--episodes", str(episodes), "--stages", stages]
    polytask("evaluate", run, *words, "--json", path)
    (found,) = json.loads(path.read_text(encoding="utf-8"))["policies"]
    return dict(found)


def counted(rows: Sequence[dict[str, Any]], name: str) -> Evaluation:
    """Return what `name` says came of all episodes of `rows`."""
    results = [row[name]["result"] for row in rows]
    return Evaluation(
        seeds=tuple(seed for one in results for seed in one["seeds"]),
        verdicts=tuple(verdict for one in results for verdict in one["verdicts"]),
        returns=tuple(earned for one in results for earned in one["returns"]),
        full_return=results[0].get("full_return", 0.0),
    )


def last_rows(found: Sequence[dict[str, Any]], goal: str) -> list[dict[str, Any]]:
    """Return what came of each task of each seed, asked by `goal`, in the last stage."""
    last = max(row["stage"] for row in found[0]["rows"])
    rows = [row for one in found for row in one["rows"]]
    return [row for row in rows if row["modality"] == goal and row["stage"] == last]


def of_tasks(found: Sequence[dict[str, Any]], goal: str) -> dict[str, Any]:
    """Return what came of each task over all seeds, in the last stage, beside its experts."""
    tasks: dict[str, Any] = {}
    rows = last_rows(found, goal)
    for task in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == task]
        policy, experts = counted(mine, "found"), counted(mine, "expert")
        low, high = policy.score_interval(RULE)
        tasks[task] = {
            "successes": policy.successes(RULE),
            "episodes": len(policy.seeds),
            "score": policy.score(RULE),
            "low": round(low, 3),
            "high": round(high, 3),
            "experts": experts.successes(RULE),
            "experts_score": experts.score(RULE),
        }
        if policy.full_return:
            returns = {"mean_return": policy.returns, "experts_mean_return": experts.returns}
            tasks[task] |= {name: round(mean(each), 2) for name, each in returns.items()}
    return tasks


def result(claim: Claim, name: str, goal: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what goes to docs/results/."""
    tasks = of_tasks(found, goal)
    effective = sum(row["score"] for row in tasks.values())
    experts = sum(row["experts_score"] for row in tasks.values())
    test_seeds = found[0]["rows"][0]["found"]["result"]["seeds"]
    summaries = [next(one for one in each["goals"] if one["modality"] == goal) for each in found]
    about: dict[str, Any] = {
        "claim": claim.text,
        "goal": goal,
        "effective_tasks": effective,
        "experts_effective_tasks": experts,
        "retention": effective / experts,
        "full_return": FULL_RETURN.get(claim.suite),
    }
    if about["full_return"]:
        rows = last_rows(found, goal)
        pairs = [(counted([row], "found"), counted([row], "expert")) for row in rows]
        about["retention_interval"] = retention_interval(pairs)
    if claim.lifelong:
        measures = ("forgetting", "worst_drop", "backward_transfer", "negative_backward_transfer")
        about |= {one: mean(each[one] for each in summaries) for one in measures}
        about |= {"drops": drops(found, goal), "heat_map": heat_map(found, goal)}
    return about | {
        "tasks": tasks,
        "of_seeds": summaries,
        "rule": RULE,
        "seeds": list(range(len(found))),
        "test_seeds": [test_seeds[0], test_seeds[-1]],
        **made_by(command_of(f"distilling {name}", len(found), len(test_seeds))),
    }


def heat_map(found: Sequence[dict[str, Any]], goal: str) -> list[dict[str, float]]:
    """Return for each stage the success of each task that was known then, over all seeds."""
    rows = [row for one in found for row in one["rows"] if row["modality"] == goal]
    stages = sorted({row["stage"] for row in rows})
    table = []
    for stage in stages:
        now = [row for row in rows if row["stage"] == stage]
        rates = {}
        for task in dict.fromkeys(row["task"] for row in now):
            mine = [row for row in now if row["task"] == task]
            rates[task] = round(counted(mine, "found").score(RULE), 4)
        table.append(rates)
    return table


def drops(found: Sequence[dict[str, Any]], goal: str) -> dict[str, float]:
    """Return how far each task ended below its success when it joined, over all seeds."""
    table = heat_map(found, goal)
    joined = {task: rates[task] for rates in reversed(table) for task in rates}
    return {task: round(joined[task] - table[-1][task], 4) for task in joined}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="./run study distilling", description=__doc__)
    parser.add_argument("claims", nargs="+", choices=sorted(CLAIMS), metavar="CLAIM", help="what")
    parser.add_argument("--seeds", type=argument_types.positive, default=3, help="policies")
    parser.add_argument(
        "--episodes", type=argument_types.positive, default=TESTS, help="tests each"
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help="their place")
    return parser.parse_args(arguments)


def studied(claim: Claim, options: argparse.Namespace, place: Path, more: Sequence[str]) -> Any:
    """Return what was found of the policies of all seeds at `place`."""
    found = []
    for seed in range(options.seeds):
        run = place / f"seed-{seed}"
        made(claim, seed, options.runs.absolute() / claim.experts, run, more)
        found.append(tested(claim, run, options.episodes))
    return found


def main() -> None:
    """Study every claim asked for and write a file for each, or for each of its goals."""
    options = parse(sys.argv[1:])
    for name in options.claims:
        claim, runs = CLAIMS[name], options.runs.absolute()
        shown = pictured(claim, runs / "demonstrations" / f"{claim.suite}_pictures")
        if claim.variants:
            (goal,) = claim.goals
            variants = {
                variant: result(
                    claim, name, goal, studied(claim, options, runs / name / variant, words)
                )
                for variant, words in claim.variants.items()
            }
            write_result(name, {"claim": claim.text, "variants": variants})
            continue
        found = studied(claim, options, runs / name, shown)
        for goal in claim.goals:
            end = f"_{goal}" if "image" in claim.goals else ""
            write_result(name + end, result(claim, name, goal, found))


if __name__ == "__main__":
    main()
