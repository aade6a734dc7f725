"""`polytask distill`: the experts of runs in one policy, which takes goals."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from polytask_contract.cli import argument_types
from polytask_learning.cli.compute_options import compute_of, describe_compute
from polytask_learning.cli.goal_pictures import describe_goal_pictures, goal_pictures
from polytask_learning.distil_settings import DISTIL_PRESETS

if TYPE_CHECKING:
    from polytask_learning.distilling.unified_folder import UnifiedFolder

GOALS = ("onehot", "language", "image", "index")


class Distill:
    """Distils experts into one policy, and goes on where it was stopped."""

    summary = "distil the experts of runs into one policy; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--runs", type=Path, nargs="+", required=True, metavar="RUN", help="experts' runs")
        add("--goal", choices=GOALS, nargs="+", default=["onehot"], help="kinds of goals it takes")
        add("--obs", choices=("state", "pixels"), default="state", help="what the policy sees")
        describe_goal_pictures(parser)
        add("--preset", choices=sorted(DISTIL_PRESETS), default="fast", help="numbers of training")
        widths = "widths of the policy's layers instead of the preset's"
        add("--hidden", type=argument_types.positive, nargs="+", default=[], help=widths)
        updates = "updates of the policy instead of the preset's"
        add("--updates", type=argument_types.positive, help=updates)
        surgery = "free gradients of what opposes other tasks' (PCGrad)"
        add("--pcgrad", action=argparse.BooleanOptionalAction, default=False, help=surgery)
        kept = "steps to keep of a task, by default all that its run has kept"
        add("--keep", type=argument_types.positive, help=kept)
        add("--seed", type=argument_types.seed, default=0, help="of everything that is drawn")
        add("--output", type=Path, default=Path("runs", "unified"), help="the policy's folder")
        describe_compute(parser)

    def perform(self, options: argparse.Namespace) -> int:
        """Distil, and say where the policy is."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.cli.update_progress import update_progress  # noqa: PLC0415
        from polytask_learning.distilling.distil import distil  # noqa: PLC0415
        from polytask_learning.distilling.request import DistilRequest  # noqa: PLC0415

        request = DistilRequest(
            observations=options.obs,
            goals=tuple(options.goal),
            preset=options.preset,
            hidden=tuple(options.hidden),
            updates=options.updates or 0,
            keep=options.keep or 0,
            surgery=options.pcgrad,
            seed=options.seed,
        )
        store = goal_pictures(options, options.goal)
        with closing(update_progress()) as progress:
            folder = distil(
                request,
                options.runs,
                options.output,
                progress,
                demonstrations=store,
                compute=compute_of(options),
                watch=progress,
            )
        say_what_there_is(folder)
        return 0


def say_what_there_is(folder: "UnifiedFolder") -> None:
    """Print what the policy of `folder` knows."""
    tasks = [one["task"] for one in folder.current().tasks]
    goals = ", ".join(folder.request.goals)
    print(f"{folder.path}: one policy of {len(tasks)} tasks, asked by {goals}: {', '.join(tasks)}")
