"""How often each suite's scripted expert accomplishes its tasks, over many seeds.

The result goes to docs/results/. The seeds are apart from those that a demonstration is collected
with by default, and from those that the scripts were written against. `--policy random` measures
chance instead: what a task is worth that anybody solves.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import say
from polytask_contract.environment import Environment
from polytask_contract.errors import PolyTaskError, UnknownName
from polytask_contract.specification import Observations
from polytask_contract.success import RULES, wilson_interval
from polytask_contract.suites import Policy, Suite, find_suite
from studies._study import made_by, write_result

RULE = "held"
FIRST_SEED = 5000
# Success for so many steps on end is a demonstration, and passes every rule.
HOLD = 20


def random_policy(environment: Environment) -> Policy:
    """Return a policy that draws every action evenly from all there are."""
    random = np.random.default_rng(0)
    size = environment.specification.action_size
    return lambda _: random.uniform(-1, 1, size).astype(np.float32)


def play(environment: Environment, policy: Policy, seed: int) -> list[bool]:
    """Return the success of each step of an episode, up to HOLD steps of it on end."""
    timestep, successes = environment.reset(seed), list[bool]()
    while not timestep.last() and not (len(successes) >= HOLD and all(successes[-HOLD:])):
        timestep = environment.step(policy(timestep))
        successes.append(bool(timestep.observation["success"]))
    return successes


def measure(suite: Suite, task: str, kind: str, episodes: int) -> dict[str, Any]:
    """Return one task's row."""
    environment = suite.make(task, 0, Observations(image=None))
    policy = random_policy(environment) if kind == "random" else suite.demonstrator(task)
    played = [play(environment, policy, FIRST_SEED + number) for number in range(episodes)]
    environment.close()
    count = sum(RULES[RULE](successes) for successes in played)
    low, high = wilson_interval(count, episodes)
    demonstrations = [each for each in played if len(each) >= HOLD and all(each[-HOLD:])]
    steps = median(len(each) - HOLD for each in demonstrations) if demonstrations else None
    return {
        "successes": count,
        "episodes": episodes,
        "low": round(low, 3),
        "high": round(high, 3),
        "any": sum(any(successes) for successes in played),
        "demonstrations": len(demonstrations),
        "median_steps_to_success": steps,
    }


def study(suite: Suite, kind: str, episodes: int) -> dict[str, Any]:
    """Return the result of one suite."""
    rows = {}
    for task in suite.tasks:
        begun = time.monotonic()
        rows[task] = measure(suite, task, kind, episodes)
        found, elapsed = rows[task], time.monotonic() - begun
        say(f"{suite.name} {task}: {found['successes']} of {episodes} ({elapsed:.0f} s)")
    options = "" if kind == "expert" else f" --policy {kind}"
    who = "scripted expert" if kind == "expert" else "random policy"
    return {
        "claim": f"how often the {who} accomplishes each task of {suite.name}",
        "effective_tasks": sum(row["successes"] / row["episodes"] for row in rows.values()),
        "tasks": rows,
        "rule": RULE,
        "seeds": [FIRST_SEED, FIRST_SEED + episodes - 1],
        **made_by(f"./run study experts {suite.name} --episodes {episodes}{options}"),
    }


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="./run study experts", description=__doc__)
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="suites to study")
    parser.add_argument("--episodes", type=int, default=50, help="for each task (default: 50)")
    parser.add_argument("--policy", choices=("expert", "random"), default="expert")
    options = parser.parse_args(arguments)
    if options.episodes < 1:
        parser.error(f"--episodes is {options.episodes}; valid: at least 1")
    return options


def main() -> None:
    """Study every suite asked for and write a file for each."""
    options = parse(sys.argv[1:])
    try:
        suites = [find_suite(name) for name in options.suites]
    except UnknownName as unknown:
        sys.exit(f"experts: {unknown}")
    for suite in suites:
        try:
            result = study(suite, options.policy, options.episodes)
        except PolyTaskError as error:
            sys.exit(f"experts: {error}")
        kind = "experts" if options.policy == "expert" else options.policy
        write_result(f"{kind}-{suite.name}", result)


if __name__ == "__main__":
    main()
