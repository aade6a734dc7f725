"""What a verb of the command `polytask` is."""

import argparse
from typing import Protocol

from polytask_contract.errors import PolyTaskError


class UsageError(PolyTaskError):
    """A command line asks for something that there is not; the message names what there is."""


class Verb(Protocol):
    """One thing that `polytask` can do; an entry point of the group `polytask.verbs` names it.

    The entry point's name is what is typed, with a dot for each blank: `demos.collect` is found as
    `polytask demos collect`. It is loaded to list or to perform it, so what takes long to import
    is imported in `perform`.
    """

    @property
    def summary(self) -> str:
        """What it does, in one line."""

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments to `parser`."""

    def perform(self, options: argparse.Namespace) -> int:
        """Do it and return the exit status; raise UsageError for arguments that make no sense.

        Other PolyTaskErrors and OSErrors end as one sentence, too.
        """
