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
            help="film a success and a failure of the expert",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Write run by run, and say where."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.reports.run_report import write_report  # noqa: PLC0415
        from polytask_learning.training.run_folder import RunFolder  # noqa: PLC0415

        folders = [RunFolder(path) for path in options.runs]
        for folder in folders:
            print(write_report(folder, videos=options.videos), flush=True)
        return 0
