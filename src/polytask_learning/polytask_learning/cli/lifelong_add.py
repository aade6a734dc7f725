"""`polytask lifelong add`: one more task for a policy, which keeps those that it knows."""

import argparse
from contextlib import closing
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_learning.cli.compute_options import compute_of, describe_compute
from polytask_learning.cli.goal_pictures import describe_goal_pictures, goal_pictures


class LifelongAdd:
    """Distils a new expert beside the old tasks' data, into a policy of the same size."""

    summary = "add an expert's task to a policy; a second call goes on where it was stopped"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--run", type=Path, required=True, help="the policy's folder")
        add("--expert", type=Path, required=True, metavar="NEW", help="the new expert's run")
        describe_goal_pictures(parser)
        kept = "steps to keep of the task, by default as many as of others"
        add("--keep", type=argument_types.positive, help=kept)
        describe_compute(parser)

    def perform(self, options: argparse.Namespace) -> int:
        """Add, and say what the policy knows then."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.cli.distill import say_what_there_is  # noqa: PLC0415
        from polytask_learning.cli.update_progress import update_progress  # noqa: PLC0415
        from polytask_learning.distilling.distil import add  # noqa: PLC0415
        from polytask_learning.distilling.unified_folder import UnifiedFolder  # noqa: PLC0415

        store = goal_pictures(options, UnifiedFolder(options.run).request.goals)
        with closing(update_progress()) as progress:
            folder = add(
                options.run,
                options.expert,
                progress,
                keep=options.keep,
                demonstrations=store,
                compute=compute_of(options),
                watch=progress,
            )
        say_what_there_is(folder)
        return 0
