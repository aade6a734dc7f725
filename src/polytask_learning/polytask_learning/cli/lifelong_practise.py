"""`polytask lifelong practise`: a policy learns one more task by doing it, and keeps the others."""

import argparse
from contextlib import closing
from pathlib import Path

from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.cli.compute_options import compute_of, describe_compute
from polytask_learning.cli.practice_options import describe_practice, request_of


class LifelongPractise:
    """Lets a policy itself imitate and practise a task, beside the data of those it knows."""

    summary = "let a policy practise a new task itself; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--run", type=Path, required=True, help="the policy's folder")
        add("--task", required=True, help="a task of its suite that it does not know")
        describe_practice(parser)
        describe_compute(parser)

    def perform(self, options: argparse.Namespace) -> int:
        """Practise, and say what the policy knows then."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.cli.distill import say_what_there_is  # noqa: PLC0415
        from polytask_learning.cli.sinks import sinks_of  # noqa: PLC0415
        from polytask_learning.distilling.practise import practise  # noqa: PLC0415
        from polytask_learning.distilling.unified_folder import UnifiedFolder  # noqa: PLC0415

        policy = UnifiedFolder(options.run)
        request = request_of(options, policy.form.suite, options.task)
        store = EpisodeStore(options.demonstrations)
        place = policy.practice(options.task)
        with closing(sinks_of(place, request.steps)) as sink:
            folder = practise(options.run, request, store, sink, compute=compute_of(options))
        say_what_there_is(folder)
        return 0
