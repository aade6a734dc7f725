"""`polytask learn`: an expert of one task, from its demonstrations."""

import argparse
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.suites import find_suite
from polytask_learning.settings import PRESETS


class Learn:
    """Learns from states and the environment's rewards, and goes on where it was stopped."""

    summary = "learn a task from demonstrations and practice; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--suite", required=True, help="the suite, as metaworld")
        add("--task", required=True, help="a task of the suite")
        add("--demos", type=argument_types.positive, default=1, help="demonstrations to learn from")
        add("--demonstrations", type=Path, default=Path("demonstrations"), help="their store")
        add("--preset", choices=sorted(PRESETS), default="fast", help="numbers of the training")
        add("--steps", type=argument_types.positive, default=25_000, help="actions at most")
        add("--seed", type=argument_types.seed, default=0, help="of everything that is drawn")
        add("--evaluate-every", type=argument_types.positive, default=2500, help="steps in between")
        add("--output", type=Path, help="the run's folder (default: runs/SUITE/TASK/seed-SEED)")
        parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter

    def perform(self, options: argparse.Namespace) -> int:
        """Learn, and tell each evaluation; the status is 0 when it went to its end."""
        suite = find_suite(options.suite)
        if options.task not in suite.tasks:
            valid = ", ".join(suite.tasks)
            raise UsageError(f"there is no task {options.task!r}; valid: {valid}")
        # Torch takes seconds to import, which listing the verbs should not.
        import torch  # noqa: PLC0415

        from polytask_learning.training.learn import Request, learn  # noqa: PLC0415

        # Threads of so small networks wait for each other longer than they compute.
        torch.set_num_threads(1)
        request = Request(
            suite=options.suite,
            task=options.task,
            demonstrations=options.demos,
            preset=options.preset,
            steps=options.steps,
            seed=options.seed,
            evaluate_every=options.evaluate_every,
        )
        default = Path("runs", options.suite, options.task, f"seed-{options.seed}")
        path = options.output or default
        folder = learn(request, EpisodeStore(options.demonstrations), path, _tell)
        print(f"{folder.path}: the best policy is in checkpoints/best.checkpoint")
        return 0


def _tell(metrics: dict[str, float]) -> None:
    print(
        f"{metrics['steps']:>7.0f} steps: success {metrics['success']:.0%} held, "
        f"{metrics['any']:.0%} any, return {metrics['return']:.1f}",
        flush=True,
    )
