"""How long a policy takes for an action."""

import platform
from pathlib import Path
from statistics import median
from time import perf_counter

import dm_env
import numpy as np

from polytask_contract.episodes.form import Form
from polytask_contract.suites import Policy

# The first calls find caches empty.
WARM_UP, CALLS = 20, 200
PROCESSORS = Path("/proc/cpuinfo")


def milliseconds_per_action(policy: Policy, form: Form) -> float:
    """Return the median time of an action for one observation of `form`, of CALLS."""
    observation = {"state": np.zeros(form.state_size, np.float32)}
    if form.image:
        observation["image"] = np.zeros((*form.image, 3), np.uint8)
    policy(dm_env.restart(observation))
    times = []
    for _ in range(WARM_UP + CALLS):
        timestep = dm_env.transition(0.0, observation)
        begin = perf_counter()
        policy(timestep)
        times.append(perf_counter() - begin)
    return 1000 * median(times[WARM_UP:])


def processor() -> str:
    """Return the name of this machine's processor, or at least its kind."""
    lines = PROCESSORS.read_text(encoding="utf-8").splitlines() if PROCESSORS.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
