"""A node's parameters about where and how to compute."""

from collections.abc import Mapping
from typing import Any

from polytask_learning.compute import ComputeSettings

PREFIX = "compute."


def compute_of(parameters: Mapping[str, Any]) -> ComputeSettings:
    """Return what the group `compute` says; raise InvalidSetting for what cannot be here."""
    chosen = {
        name.removeprefix(PREFIX): value
        for name, value in parameters.items()
        if name.startswith(PREFIX)
    }
    return ComputeSettings(**chosen)
