"""`polytask demos show`: a contact sheet and a video of episodes."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.episodes.contact_sheet import Shown, caption, write_contact_sheet
from polytask_contract.episodes.episode import Episode, Picture
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.film import write_film
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.rerun import photographs
from polytask_contract.episodes.store import episode_paths
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite

SHEET, FILM = "contact_sheet.png", "episodes.mp4"
# More than a page of them helps nobody, and all pictures are in memory at once.
MOST = 100


class ShowDemonstrations:
    """Writes pictures for people."""

    summary = "write a contact sheet and a video of episodes"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("paths", type=Path, nargs="+", metavar="PATH", help="episodes, or folders of a store")
        add(
            "--output",
            type=Path,
            default=Path("shown"),
            help=f"the folder for {SHEET} and {FILM}, which are replaced",
        )
        add(
            "--size",
            type=argument_types.size,
            metavar="480x640",
            help="live each episode again and show it in full quality, rows x columns",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Write both files."""
        paths = episode_paths(options.paths)
        if len(paths) > MOST:
            raise UsageError(f"{len(paths)} episodes are too many to show; valid: 1 to {MOST}")
        shown = []
        period = 0.0
        for path in paths:
            episode = read_episode(path)
            period = period or episode.control_period
            name = caption(f"{episode.suite} {episode.task} {path.stem}", episode)
            pictures = _pictures(path, episode, options.size)
            shown.append(Shown(name, pictures, ends_in_goal=bool(episode.successes[-1])))
        sheet, film = options.output / SHEET, options.output / FILM
        write_contact_sheet(sheet, shown)
        write_film(film, shown, period)
        print(f"{sheet}\n{film}")
        return 0


def _pictures(path: Path, episode: Episode, size: tuple[int, int] | None) -> Sequence[Picture]:
    if size is None:
        if episode.form.image is None:
            raise InvalidEpisode(f"{path} has no pictures; --size 480x640 makes some")
        return list(episode.observations["image"])
    environment = find_suite(episode.suite).make(episode.task, 0, Observations(image=None))
    with closing(environment):
        return list(photographs(episode, environment, size))
