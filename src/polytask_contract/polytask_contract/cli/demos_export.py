"""`polytask demos export`: episodes as a data set that other programs read."""

import argparse
from pathlib import Path

from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.store import episode_paths

LEROBOT = "lerobot"


class ExportDemonstrations:
    """Hands episodes to other programs."""

    summary = "write episodes as a LeRobot dataset"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("paths", type=Path, nargs="+", metavar="PATH", help="episodes, or folders of a store")
        add("--format", choices=[LEROBOT], default=LEROBOT, help="(default: lerobot, version 3.0)")
        add("--output", type=Path, required=True, help="the new folder for the dataset")

    def perform(self, options: argparse.Namespace) -> int:
        """Write the dataset."""
        # pyarrow and the video library take a while to import, and listing verbs needs neither.
        from polytask_contract.episodes.lerobot_export import export_lerobot  # noqa: PLC0415

        count = export_lerobot(map(read_episode, episode_paths(options.paths)), options.output)
        print(f"{options.output}: {count} episodes")
        return 0
