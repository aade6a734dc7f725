"""`polytask demos import`: episodes out of what other programs recorded."""

import argparse
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.episodes.collect import HOLD
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite

LEROBOT, D4RL = "lerobot", "d4rl"


class ImportDemonstrations:
    """Takes over what other programs recorded."""

    summary = "read LeRobot datasets, or cut D4RL's long play into demonstrations"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add(
            "sources",
            type=Path,
            nargs="+",
            metavar="SOURCE",
            help="folders of LeRobot datasets, or HDF5 files in D4RL's layout",
        )
        add("--format", choices=[LEROBOT, D4RL], required=True)
        add("--output", type=Path, required=True, help="the store to add to")
        add(
            "--suite",
            help="d4rl: the suite to roll the actions out in; lerobot: what to call it, "
            "where the dataset does not say",
        )
        add("--camera", help="lerobot: which camera, where there are several")
        add(
            "--seed",
            type=argument_types.seed,
            default=0,
            help="d4rl: the seed of the first roll-out",
        )
        add(
            "--image",
            type=argument_types.size_or_none,
            default=(84, 84),
            metavar="84x84|none",
            help="d4rl: size of the pictures, rows x columns (default: 84x84)",
        )
        add(
            "--hold",
            type=argument_types.positive,
            default=HOLD,
            help="d4rl: steps that a snippet goes on after success",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Import everything, or nothing if a source is broken or does not fit the output."""
        store = EpisodeStore(options.output)
        if options.format == LEROBOT:
            # A first pass finds whatever is broken in any source before anything is written.
            for episode in _from_lerobot(options):
                store.check(episode.form, episode.task)
            episodes = _from_lerobot(options)
        elif options.suite is None:
            raise UsageError(f"--format {D4RL} needs --suite, to roll the actions out in")
        else:
            episodes = _from_d4rl(options, store)
        counts: Counter[str] = Counter()
        for episode in episodes:
            store.add(episode)
            counts[f"{episode.suite} {episode.task}"] += 1
        for name, count in sorted(counts.items()):
            print(f"{name}: {count}")
        print(f"{options.output}: {counts.total()} episodes added")
        return 0


def _from_lerobot(options: argparse.Namespace) -> Iterable[Episode]:
    # pyarrow and the video library take a while to import, and listing verbs needs neither.
    from polytask_contract.episodes.lerobot_import import read_lerobot  # noqa: PLC0415

    for root in options.sources:
        yield from read_lerobot(root, suite=options.suite, camera=options.camera)


def _from_d4rl(options: argparse.Namespace, store: EpisodeStore) -> Iterable[Episode]:
    from polytask_contract.episodes.d4rl import read_plays  # noqa: PLC0415
    from polytask_contract.episodes.segment import check_fits, segment  # noqa: PLC0415

    suite = find_suite(options.suite)
    plays = [play for path in options.sources for play in read_plays(path)]
    environment = suite.make(suite.tasks[0], 0, Observations(image=options.image))
    with closing(environment):
        for play in plays:
            check_fits(play, environment)
        for task in environment.specification.tasks:
            store.check(Form.of(environment.specification), task)
        for number, play in enumerate(plays):
            snippets = segment(play, environment, options.seed + number, hold=options.hold)
            names = ", ".join(snippet.task for snippet in snippets) or "no task accomplished"
            print(f"recording {number}, {len(play.actions)} steps: {names}", flush=True)
            yield from snippets
