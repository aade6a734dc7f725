"""Options for what a run keeps for a unified policy to learn from."""

import argparse

from polytask_contract.cli import argument_types
from polytask_learning.settings import TEACHING_FOR_SUITES, TeachingSettings


def describe_teaching(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    kept = "steps to keep for distillation at most"
    add("--keep", type=argument_types.positive, help=f"{kept} {_by_suite('keep')}")
    played = "episodes for the expert to play without noise at the end, for distillation"
    add("--played", type=argument_types.count, help=f"{played} {_by_suite('played')}")


def _by_suite(name: str) -> str:
    others = (
        f"; {suite}: {getattr(wanted, name)}" for suite, wanted in TEACHING_FOR_SUITES.items()
    )
    return f"(default: {getattr(TeachingSettings(), name)}{''.join(others)})"
