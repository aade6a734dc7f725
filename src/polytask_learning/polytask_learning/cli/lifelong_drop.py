"""`polytask lifelong drop`: a task that was to join a policy is given up."""

import argparse
from pathlib import Path


class LifelongDrop:
    """Removes what a policy has begun to learn and not finished."""

    summary = "give up a task that was to join; what the policy knows stays"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--run", type=Path, required=True, help="the policy's folder")
        add("--task", help="which, by default that of the stage that was stopped")

    def perform(self, options: argparse.Namespace) -> int:
        """Remove it, and say what was removed."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.cli.distill import say_what_there_is  # noqa: PLC0415
        from polytask_learning.distilling.drop import drop  # noqa: PLC0415
        from polytask_learning.distilling.unified_folder import UnifiedFolder  # noqa: PLC0415

        task, removed = drop(options.run, options.task)
        print(f"{options.run}: {task} is given up; removed: {', '.join(map(str, removed))}")
        say_what_there_is(UnifiedFolder(options.run))
        return 0
