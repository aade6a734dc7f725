"""Setting up: the steps in order, each done again only when what it depends on has changed."""

from collections.abc import Mapping
from typing import Protocol

from workspace.colcon_build import ColconBuild
from workspace.layout import Layout
from workspace.progress import Progress
from workspace.python_environment import PinnedWheels, VirtualEnvironment
from workspace.setup_lock import setup_lock
from workspace.system_packages import SystemPackages


class Step(Protocol):
    """One line of set-up."""

    @property
    def title(self) -> str:
        """What its line and its log are called."""

    def is_done(self) -> bool:
        """Whether there is nothing to do; cheap, as every call asks."""

    def work(self, progress: Progress) -> None:
        """Do it. Safe to be killed in, and raises SetupError when it fails."""


def steps(layout: Layout, sourced: bool, inherited: Mapping[str, str]) -> list[Step]:
    """Every step, in the order they are done in."""
    environment = VirtualEnvironment(layout, sourced, inherited)
    wheels = PinnedWheels(environment)
    build = ColconBuild(wheels, layout, sourced, inherited)
    return [SystemPackages(layout, build.is_done), environment, wheels, build]


def set_up(layout: Layout, sourced: bool, inherited: Mapping[str, str]) -> None:
    """Do what is not done yet. Raises SetupError when a step fails."""
    todo = steps(layout, sourced, inherited)
    if all(step.is_done() for step in todo):
        return
    with setup_lock(layout.logs / "lock") as lock:
        for number, step in enumerate(todo, 1):
            # Asked again under the lock: whoever held it before may have done it.
            if not step.is_done():
                log = layout.logs / f"{step.title.replace(' ', '-')}.log"
                with Progress(f"[{number}/{len(todo)}] {step.title}", log, lock) as progress:
                    step.work(progress)
