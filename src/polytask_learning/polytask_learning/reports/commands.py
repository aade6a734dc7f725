"""The command lines that make a run again."""

import shlex
from collections.abc import Mapping
from typing import Any

# What a request calls a thing, and what `polytask learn` calls it.
FLAGS = {
    "suite": "--suite",
    "task": "--task",
    "demonstrations": "--demos",
    "observations": "--obs",
    "reward": "--reward",
    "preset": "--preset",
    "steps": "--steps",
    "seed": "--seed",
    "evaluate_every": "--evaluate-every",
    "evaluation_episodes": "--evaluation-episodes",
}
# The same of where and how it was computed; channels_last is a switch, without a value.
COMPUTE_FLAGS = {
    "device": "--device",
    "precision": "--precision",
    "compile": "--compile",
    "threads": "--threads",
}
STORE, POLICY = "demonstrations", "runs/unified"


def commands(request: Mapping[str, Any], compute: Mapping[str, Any], seeds: range) -> list[str]:
    """Return what to type: demonstrate, learn, evaluate on test `seeds`, report.

    The places are those that the commands take by themselves.
    """
    suite, task = str(request["suite"]), str(request["task"])
    run = f"runs/{suite}/{task}/seed-{request['seed']}"
    asked = words(FLAGS, request) + compute_words(compute)
    asked += ["--pictures"] if request.get("pictures") else []
    # As large as the policy that it begins as, wherever that is.
    asked += ["--start-from", POLICY] if request.get("start") else []
    shown = request.get("demonstrations", 1)
    collect = ["demos", "collect", "--suite", suite, "--task", task, "--count", str(shown)]
    tested = [run, "--episodes", str(len(seeds)), "--seed", str(seeds[0])]
    return [
        shlex.join(["polytask", *typed])
        for typed in (
            *([[*collect, "--output", STORE]] if shown else []),
            ["learn", *asked, "--demonstrations", STORE, "--output", run],
            ["evaluate", *tested],
            ["report", run],
        )
    ]


def compute_words(compute: Mapping[str, Any]) -> list[str]:
    """Return the words that say where and how to compute."""
    switched = ["--channels-last"] if compute.get("channels_last") else []
    return words(COMPUTE_FLAGS, compute) + switched


def words(flags: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    """Return the flags, each with its value, of those `values` that are there."""
    named = [(flag, values[name]) for name, flag in flags.items() if name in values]
    return [word for flag, value in named for word in (flag, str(value))]
