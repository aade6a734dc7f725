"""`polytask learn`: experts of one task or of many, from demonstrations and practice."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.suites import find_suite
from polytask_learning.jobs.choices import (
    ALL,
    AUTO,
    EXECUTORS,
    LOCAL,
    executor_of,
    tasks_of,
    workers,
)
from polytask_learning.jobs.many import learn_many
from polytask_learning.settings import PRESETS


class Learn:
    """Learns from demonstrations and practice, and goes on where it was stopped."""

    summary = "learn tasks from demonstrations and practice; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--suite", required=True, help="the suite, as metaworld")
        add("--task", required=True, help=f"tasks of the suite, as a,b, or {ALL}")
        add("--demos", type=argument_types.positive, default=1, help="demonstrations to learn from")
        add("--demonstrations", type=Path, default=Path("demonstrations"), help="their store")
        add("--obs", choices=("state", "pixels"), default="state", help="what the policy sees")
        rewards = "the environment's own, or what matching the demonstrations earns"
        add("--reward", choices=("env", "ot"), default="env", help=rewards)
        add("--preset", choices=sorted(PRESETS), default="fast", help="numbers of the training")
        add("--steps", type=argument_types.positive, default=25_000, help="actions at most")
        add("--seed", type=argument_types.seed, default=0, help="of everything that is drawn")
        add("--evaluate-every", type=argument_types.positive, default=2500, help="steps in between")
        many = "learners at once: a number, or auto for the CPUs"
        add("--jobs", type=workers, default=AUTO, help=many)
        add("--executor", choices=EXECUTORS, default=LOCAL, help="where several learners run")
        place = "the run's folder, with several tasks that of all runs "
        add("--output", type=Path, help=f"{place}(default: runs/SUITE/TASK/seed-SEED)")
        parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter

    def perform(self, options: argparse.Namespace) -> int:
        """Learn; the status is 0 when every learner went to its end."""
        tasks = tasks_of(options.task, find_suite(options.suite))
        if len(tasks) > 1 or options.executor != LOCAL:
            alone = len(tasks) == 1
            folders = {task: _folder(options, task, alone=alone) for task in tasks}
            return learn_many(folders, options, executor_of(options.executor, options.jobs), _say)
        return _learn_one(options, tasks[0])


def _learn_one(options: argparse.Namespace, task: str) -> int:
    # Torch takes seconds to import, which listing the verbs should not.
    from polytask_learning.training.learn import learn  # noqa: PLC0415
    from polytask_learning.training.request import Request  # noqa: PLC0415

    request = Request(
        suite=options.suite,
        task=task,
        demonstrations=options.demos,
        observations=options.obs,
        reward=options.reward,
        preset=options.preset,
        steps=options.steps,
        seed=options.seed,
        evaluate_every=options.evaluate_every,
    )
    store = EpisodeStore(options.demonstrations)
    folder = learn(request, store, _folder(options, task, alone=True), _tell)
    _say(f"{folder.path}: the best policy is in checkpoints/best.checkpoint")
    return 0


def _folder(options: argparse.Namespace, task: str, *, alone: bool) -> Path:
    if options.output is None:
        return Path("runs", options.suite, task, f"seed-{options.seed}")
    output: Path = options.output
    return output if alone else output / task


def _tell(metrics: Mapping[str, float]) -> None:
    if "evaluation/held" in metrics:
        _say(
            f"{metrics['steps']:>7.0f} steps: success {metrics['evaluation/held']:.0%} held, "
            f"{metrics['evaluation/any']:.0%} any, return {metrics['evaluation/return']:.1f}"
        )


def _say(text: str) -> None:
    print(text, flush=True)
