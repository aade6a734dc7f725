"""Control steps a second of each suite without pictures, beside nothing: there is no peer to beat.

A control step holds the suite's action repeat; random actions, resets included.
"""

import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import refuse_arguments, report, say
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite

CASES = {
    "point": "north_east",
    "metaworld": "hammer",
    "dmc": "torso-1",
    "kitchen": "kettle",
    "xarm": "insert-green",
}
ROUNDS = 5
ROUND_SECONDS = 1.5


def rate(suite: str, task: str) -> float:
    """Return the median over rounds of control steps a second."""
    environment = find_suite(suite).make(task, 0, Observations(image=None))
    size = environment.specification.action_size
    actions = np.random.default_rng(0).uniform(-1, 1, (64, size)).astype(np.float32)
    environment.reset(0)
    rates = []
    for _ in range(ROUNDS):
        steps, begun = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - begun) < ROUND_SECONDS:
            environment.step(actions[steps % len(actions)])
            steps += 1
        rates.append(steps / elapsed)
    environment.close()
    return median(rates)


def main() -> None:
    """Measure every suite and print the result."""
    refuse_arguments()
    cases = {}
    for suite, task in CASES.items():
        cases[suite] = {"ours": rate(suite, task), "peer": None, "ratio": None, "unit": "steps/s"}
        say(f"{suite}: {cases[suite]['ours']:.0f} steps/s")
    report("worlds", cases)


if __name__ == "__main__":
    main()
