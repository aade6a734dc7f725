"""`polytask lifelong practise`: a policy learns one more task by doing it, and keeps the others."""

import argparse
from contextlib import closing
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.cli.compute_options import compute_of, describe_compute
from polytask_learning.settings import PRESETS


class LifelongPractise:
    """Lets a policy itself imitate and practise a task, beside the data of those it knows."""

    summary = "let a policy practise a new task itself; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--run", type=Path, required=True, help="the policy's folder")
        add("--task", required=True, help="a task of its suite that it does not know")
        add("--demos", type=argument_types.count, default=1, help="demonstrations to learn from")
        add("--demonstrations", type=Path, default=Path("demonstrations"), help="their store")
        rewards = "the environment's own, or what matching the demonstrations earns"
        add("--reward", choices=("env", "ot"), default="env", help=rewards)
        add("--preset", choices=sorted(PRESETS), default="fast", help="numbers of the practice")
        add("--steps", type=argument_types.positive, default=25_000, help="actions at most")
        add("--seed", type=argument_types.seed, default=0, help="of everything that is drawn")
        add("--evaluate-every", type=argument_types.positive, default=2500, help="steps in between")
        describe_compute(parser)
        parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter

    def perform(self, options: argparse.Namespace) -> int:
        """Practise, and say what the policy knows then."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.cli.distill import say_what_there_is  # noqa: PLC0415
        from polytask_learning.cli.sinks import sinks_of  # noqa: PLC0415
        from polytask_learning.distilling.practise import practice_of, practise  # noqa: PLC0415
        from polytask_learning.distilling.unified_folder import UnifiedFolder  # noqa: PLC0415
        from polytask_learning.training.request import Request  # noqa: PLC0415

        request = Request(
            suite=UnifiedFolder(options.run).form.suite,
            task=options.task,
            demonstrations=options.demos,
            reward=options.reward,
            preset=options.preset,
            steps=options.steps,
            seed=options.seed,
            evaluate_every=options.evaluate_every,
        )
        store = EpisodeStore(options.demonstrations)
        place = practice_of(options.run, options.task)
        with closing(sinks_of(place, request.steps)) as sink:
            folder = practise(options.run, request, store, sink, compute=compute_of(options))
        say_what_there_is(folder)
        return 0
