"""`polytask report`: a page about each run, one file to send around."""

import argparse
from pathlib import Path


class Report:
    """Writes the report of runs, into their folders."""

    summary = "write report.html into a run: success, curves, videos, and how to make it again"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("runs", type=Path, nargs="+", metavar="RUN", help="the folder of a run")
        add(
            "--videos",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="film a success and a failure of an expert, or each task of a policy",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Write run by run, and say where."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.distilling.unified_folder import (  # noqa: PLC0415
            UnifiedFolder,
            is_unified,
        )
        from polytask_learning.reports.run_report import write_report  # noqa: PLC0415
        from polytask_learning.reports.unified_report import (  # noqa: PLC0415
            write_unified_report,
        )
        from polytask_learning.training.run_folder import RunFolder  # noqa: PLC0415

        folders = [
            UnifiedFolder(path) if is_unified(path) else RunFolder(path) for path in options.runs
        ]
        for folder in folders:
            if isinstance(folder, UnifiedFolder):
                path = write_unified_report(folder, videos=options.videos)
            else:
                path = write_report(folder, videos=options.videos)
            print(path, flush=True)
        return 0
