"""The option that says where demonstrations are whose last pictures mean their tasks."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from polytask_contract.cli.verb import UsageError
from polytask_contract.episodes.store import EpisodeStore


def describe_goal_pictures(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    pictures = "a store of demonstrations whose last pictures are goal images"
    parser.add_argument("--demonstrations", type=Path, help=pictures)


def goal_pictures(options: argparse.Namespace, goals: Sequence[str]) -> EpisodeStore | None:
    """Return the store that is asked for, of a policy that takes `goals`; None without one.

    Raise UsageError for what is no folder, and where no goal is an image.
    """
    place: Path | None = options.demonstrations
    if place is None:
        return None
    if "image" not in goals:
        raise UsageError(
            f"--demonstrations {place} is for goal images, and the policy's goals are "
            f"{', '.join(goals)}; valid: with image among them"
        )
    if not place.is_dir():
        raise UsageError(f"--demonstrations {place} is no folder; valid: a store of demonstrations")
    return EpisodeStore(place)
