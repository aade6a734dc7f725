"""Suites of tasks, found by name through the entry point group `polytask.suites`."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

import dm_env
import numpy as np
from numpy.typing import NDArray

from polytask_contract.environment import Action, Environment
from polytask_contract.errors import UnknownName, UnusableSuite
from polytask_contract.specification import Observations

GROUP = "polytask.suites"

Policy = Callable[[dm_env.TimeStep], Action]


class Suite(Protocol):
    """A family of tasks that share action size, observations and control period."""

    @property
    def name(self) -> str:
        """The name under which the suite is found."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of its tasks."""

    def make(self, task: str, seed: int, observations: Observations) -> Environment:
        """Return an environment of `task`; raise UnknownName when there is no such task.

        Raise InvalidSpecification for an observation that the suite does not have.
        """

    def demonstrator(self, task: str) -> Policy:
        """Return a policy that accomplishes `task`; raise UnknownName when there is no such task.

        Raise NoDemonstrator where a suite has none for it.
        """


@runtime_checkable
class Photographed(Protocol):
    """An environment that can show itself to people, beside what it shows to a policy."""

    def photograph(self, size: tuple[int, int], *, full: bool = True) -> NDArray[np.uint8]:
        """Return a picture of this moment: `size` (rows, columns), in `full` quality or a lean one.

        Raise a PolyTaskError for a size that it cannot give.
        """

    @property
    def field_of_view(self) -> float | None:
        """The camera's vertical field of view [rad]; None for a picture without perspective."""


def suite_names() -> tuple[str, ...]:
    """Return the names of all installed suites, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def find_suite(name: str) -> Suite:
    """Return the installed suite called `name`; raise UnknownName when there is none.

    Raise UnusableSuite when something that it imports is not installed.
    """
    for entry in entry_points(group=GROUP, name=name):
        try:
            suite: Suite = entry.load()()
        # Where the library for OpenGL is missing, PyOpenGL says so by an AttributeError.
        except (ImportError, AttributeError) as error:
            raise UnusableSuite(f"suite {name!r} cannot be imported: {error}") from error
        return suite
    raise UnknownName("suite", name, suite_names())


@runtime_checkable
class Spoken(Protocol):
    """A suite whose tasks can be asked for in words."""

    def sentence(self, task: str) -> str:
        """Return what to do in `task`, as somebody would say it; raise UnknownName for no task."""


def sentences(suite: Suite, task: str) -> tuple[str, ...]:
    """Return sentences that mean `task` of `suite`: what the suite says, if it does, and its name.

    A name is read as words: drawer-open is "drawer open".
    """
    named = task.replace("-", " ").replace("_", " ")
    said = suite.sentence(task) if isinstance(suite, Spoken) else named
    return tuple(dict.fromkeys((said, named)))
