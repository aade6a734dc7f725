"""The words of a command line about what is learnt from, and for how long."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytask_contract.cli import argument_types
from polytask_learning.settings import PRESETS

if TYPE_CHECKING:
    from polytask_learning.training.request import Request


def describe_practice(parser: argparse.ArgumentParser) -> None:
    """Add them to `parser`."""
    add = parser.add_argument
    add("--demos", type=argument_types.count, default=1, help="demonstrations to learn from")
    add("--demonstrations", type=Path, default=Path("demonstrations"), help="their store")
    rewards = "the environment's own, or what matching the demonstrations earns"
    add("--reward", choices=("env", "ot"), default="env", help=rewards)
    add("--preset", choices=sorted(PRESETS), default="fast", help="numbers of the training")
    add("--steps", type=argument_types.positive, default=25_000, help="actions at most")
    add("--seed", type=argument_types.seed, default=0, help="of everything that is drawn")
    add("--evaluate-every", type=argument_types.positive, default=2500, help="steps in between")
    judged = "episodes of an evaluation"
    add("--evaluation-episodes", type=argument_types.positive, default=20, help=judged)


def request_of(options: argparse.Namespace, suite: str, task: str, **more: Any) -> "Request":
    """Return what the words ask for, with what a request has `more`; raise as Request does."""
    # Torch takes seconds to import, which listing the verbs should not.
    from polytask_learning.training.request import Request  # noqa: PLC0415

    return Request(
        suite=suite,
        task=task,
        demonstrations=options.demos,
        reward=options.reward,
        preset=options.preset,
        steps=options.steps,
        seed=options.seed,
        evaluate_every=options.evaluate_every,
        evaluation_episodes=options.evaluation_episodes,
        **more,
    )
