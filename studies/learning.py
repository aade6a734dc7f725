"""What the learner makes of whole suites: experts for every task, several seeds, held-out tests.

Every run goes on where it was stopped, and what is finished is not done again, so that the study
may be interrupted at any time. Each expert is tested on the same seeds, apart from those that
trained it and those that chose it. The result goes to docs/results/.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import say
from polytask_contract.cli import argument_types
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.success import wilson_interval
from polytask_contract.suites import find_suite
from polytask_learning.jobs.choices import AUTO, workers
from polytask_learning.jobs.job import Job
from polytask_learning.jobs.local import LocalExecutor
from polytask_learning.settings import FULL_RETURN
from studies._study import ROOT, RUNS, TESTS, command_of, made_by, polytask, write_result

RULE = "held"


@dataclass(frozen=True)
class Claim:
    """A suite to be learnt in one way: `steps` are actions at most, for each task or in all.

    `words` are more of the command line.
    """

    text: str
    suite: str
    steps: int
    demonstrations: int = 1
    reward: str = "env"
    observations: str = "state"
    tasks: tuple[str, ...] = ()
    longer: dict[str, int] = field(default_factory=dict)
    evaluate_every: int = 2500
    words: tuple[str, ...] = ()

    @property
    def all_tasks(self) -> tuple[str, ...]:
        """The tasks, by default all of the suite."""
        return self.tasks or find_suite(self.suite).tasks


# Table VI of the paper counts frames, of which Meta-World and DMControl see two an action.
CLAIMS = {
    "metaworld_state": Claim(
        "one expert for each task of Meta-World from states and one demonstration",
        "metaworld",
        steps=25_000,
        longer={
            "door-open": 50_000,
            "button-press-topdown": 50_000,
            "hammer": 50_000,
            "coffee-pull": 75_000,
            "button-press-topdown-wall": 75_000,
            "bin-picking": 75_000,
        },
    ),
    "metaworld_ot": Claim(
        "one expert for each of ten tasks of Meta-World from states, one demonstration and what "
        "matching it earns, without the environment's rewards",
        "metaworld",
        steps=25_000,
        reward="ot",
        tasks=(
            "door-unlock",
            "door-open",
            "plate-slide",
            "plate-slide-back",
            "plate-slide-side",
            "plate-slide-back-side",
            "coffee-button",
            "button-press",
            "button-press-wall",
            "drawer-close",
        ),
        longer={"door-open": 50_000},
    ),
    "metaworld_pixels": Claim(
        "an expert for each of two tasks of Meta-World from pictures and one demonstration",
        "metaworld",
        steps=25_000,
        observations="pixels",
        tasks=("door-open", "drawer-close"),
        longer={"door-open": 50_000},
        # An update takes so long that looking is cheap.
        evaluate_every=1000,
        words=("--precision=bfloat16", "--channels-last"),
    ),
    "metaworld_teachers": Claim(
        "experts of four tasks of Meta-World that see states and keep pictures for a student",
        "metaworld",
        steps=25_000,
        tasks=("door-open", "drawer-close", "drawer-open", "button-press-topdown"),
        longer={"door-open": 50_000, "button-press-topdown": 50_000},
        words=("--pictures",),
    ),
    "kitchen_state": Claim(
        "one expert for each task of the kitchen from states and scripted demonstrations",
        "kitchen",
        steps=60_000,
        demonstrations=20,
        evaluate_every=5600,
    ),
    "xarm_ot": Claim(
        "one expert for each task at the xArm's table from states, one demonstration and what "
        "matching it earns, without the environment's rewards",
        "xarm",
        steps=6_000,
        reward="ot",
        evaluate_every=1000,
    ),
    "dmc_state": Claim(
        "one expert for each of three cheetahs from states",
        "dmc",
        steps=250_000,
        # Nothing demonstrates them.
        demonstrations=0,
        tasks=("torso-1", "torso-5", "torso-10"),
        evaluate_every=10_000,
        # Half the time of float32 without a compiler, in runs of an hour.
        words=("--precision=bfloat16", "--compile=default"),
    ),
}


def job(claim: Claim, task: str, seed: int, run: Path, demonstrations: Path) -> Job:
    """Return one expert's learning as a job."""
    words = {
        "suite": claim.suite,
        "task": task,
        "demos": claim.demonstrations,
        "demonstrations": demonstrations,
        "obs": claim.observations,
        "reward": claim.reward,
        "steps": claim.longer.get(task, claim.steps),
        "seed": seed,
        "evaluate-every": claim.evaluate_every,
        "output": run,
    }
    learn = ["polytask", "learn", *(f"--{word}={value}" for word, value in words.items())]
    learn += ["--no-videos", *claim.words]
    return Job(str(run), tuple(learn), {"OMP_NUM_THREADS": "1"}, str(ROOT), f"{run}.log")


def demonstrate(claim: Claim, store: Path) -> None:
    """Let the suite's script demonstrate each task that has too few demonstrations."""
    for task in claim.all_tasks:
        missing = claim.demonstrations - len(EpisodeStore(store).paths(claim.suite, task))
        if missing > 0:
            pictures = ["--image", "none"] if claim.observations == "state" else []
            words = ["--suite", claim.suite, "--task", task, "--count", str(missing), *pictures]
            polytask("demos", "collect", *words, "--output", str(store))


def learn_all(jobs: Sequence[Job], at_once: int) -> bool:
    """Run the jobs, and tell whether all came to their end.

    How long each took is kept beside it, when nothing interrupted it.
    """
    whole = True
    fresh = [one for one in jobs if not Path(one.name).exists()]
    with closing(LocalExecutor(at_once).run(jobs)) as ended:
        for one in ended:
            if one.status:
                say(f"{one.job.name} failed: {one.problem}")
                whole = False
                continue
            say(f"{one.job.name}: {one.seconds:.0f} s")
            if one.job in fresh:
                Path(f"{one.job.name}.seconds").write_text(f"{one.seconds:.1f}\n", encoding="utf-8")
    return whole


def tested(run: Path, seed: int, episodes: int) -> dict[str, Any]:
    """Return one expert's row: how often it succeeded on the seeds of tests, and how it came to."""
    path = Path(f"{run}.evaluation.json")
    polytask("evaluate", str(run), "--episodes", str(episodes), "--json", str(path))
    (found,) = json.loads(path.read_text(encoding="utf-8"))["runs"]
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    judged = [line for line in map(json.loads, lines) if f"evaluation/{RULE}" in line]
    clock = Path(f"{run}.seconds")
    return {
        "seed": seed,
        "test_seeds": [found["result"]["seeds"][0], found["result"]["seeds"][-1]],
        "successes": sum(verdict[RULE] for verdict in found["result"]["verdicts"]),
        "episodes": episodes,
        "mean_return": round(fmean(found["result"]["returns"]), 2),
        "validated_clone": judged[0][f"evaluation/{RULE}"],
        "validated_best": max(line[f"evaluation/{RULE}"] for line in judged),
        "steps_of_best": found["steps"],
        "steps": int(judged[-1]["steps"]),
        "seconds": float(clock.read_text(encoding="utf-8")) if clock.exists() else None,
    }


def result(claim: Claim, name: str, rows: dict[str, list[dict[str, Any]]], seeds: int) -> Any:
    """Return what goes to docs/results/."""
    tasks = {}
    for task, experts in rows.items():
        count = sum(expert["successes"] for expert in experts)
        episodes = sum(expert["episodes"] for expert in experts)
        low, high = wilson_interval(count, episodes)
        times = [expert["seconds"] for expert in experts if expert["seconds"] is not None]
        tasks[task] = {
            "successes": count,
            "episodes": episodes,
            "low": round(low, 3),
            "high": round(high, 3),
            "steps_allowed": claim.longer.get(task, claim.steps),
            "mean_return": round(fmean(expert["mean_return"] for expert in experts), 2),
            "median_seconds": median(times) if times else None,
            "experts": experts,
        }
    tests = next(iter(rows.values()))[0]["episodes"]
    full_return = FULL_RETURN.get(claim.suite)
    if full_return:
        shares = [row["mean_return"] / full_return for row in tasks.values()]
    else:
        shares = [row["successes"] / row["episodes"] for row in tasks.values()]
    return {
        "claim": claim.text,
        "effective_tasks": sum(shares),
        "full_return": full_return,
        "tasks": tasks,
        "rule": RULE,
        "seeds": list(range(seeds)),
        **made_by(command_of(f"learning {name}", seeds, tests)),
    }


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="./run study learning", description=__doc__)
    parser.add_argument("claims", nargs="+", choices=sorted(CLAIMS), metavar="CLAIM", help="what")
    parser.add_argument("--seeds", type=argument_types.positive, default=3, help="experts a task")
    parser.add_argument(
        "--episodes", type=argument_types.positive, default=TESTS, help="tests each"
    )
    parser.add_argument("--jobs", type=workers, default=AUTO, help="learners at once (auto)")
    parser.add_argument("--runs", type=Path, default=RUNS, help="their place")
    return parser.parse_args(arguments)


def main() -> int:
    """Study every claim asked for, write a file for each, and tell how it went.

    The status is 1 where something could not be learnt; of that claim nothing is written.
    """
    status = 0
    options = parse(sys.argv[1:])
    for name in options.claims:
        claim, runs = CLAIMS[name], options.runs.absolute()
        store = runs / "demonstrations" / name
        demonstrate(claim, store)
        # Seed by seed, so that an interrupted study has something to say about every task.
        places = {
            (task, seed): runs / name / task / f"seed-{seed}"
            for seed in range(options.seeds)
            for task in claim.all_tasks
        }
        jobs = [job(claim, task, seed, run, store) for (task, seed), run in places.items()]
        if not learn_all(jobs, options.jobs):
            say(f"{name}: not all is learnt, so nothing is written; the same command goes on")
            status = 1
            continue
        rows: dict[str, list[dict[str, Any]]] = {task: [] for task in claim.all_tasks}
        for (task, seed), run in places.items():
            rows[task].append(tested(run, seed, options.episodes))
        found = result(claim, name, rows, options.seeds)
        write_result(name, found)
        say(f"{name}: {found['effective_tasks']:.1f} effective tasks")
    return status


if __name__ == "__main__":
    sys.exit(main())
