"""The step that builds src/ with colcon."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workspace.environment import for_building
from workspace.layout import Layout
from workspace.progress import Progress
from workspace.python_environment import PinnedWheels
from workspace.stamps import Stamp, digest_files, digest_texts

# What a symlink install copies or records of a Python package; its modules are only linked to.
_RECORDED = ("package.xml", "setup.py", "setup.cfg")
# polytask_bringup installs these, from outside its own folder.
_SHARED_FOLDERS = ("launch", "config")


@dataclass(frozen=True)
class ColconBuild:
    """All packages, built into one prefix, Python sources linked to instead of copied."""

    wheels: PinnedWheels
    layout: Layout
    sourced: bool
    inherited: Mapping[str, str]

    title = "workspace build"

    @property
    def stamp(self) -> Stamp:
        """Depends on the ground it stands on and on every file that is not merely linked to."""
        sources = [self._sources(package) for package in self.layout.packages()]
        shared = [_names(self.layout.root / folder, ".pyc") for folder in _SHARED_FOLDERS]
        return Stamp(
            self.layout.install / "built", digest_texts([self._ground.key, *sources, *shared])
        )

    @property
    def _ground(self) -> Stamp:
        """What a build cannot outlive: the place, the Python, ROS and its message tools."""
        names = {"build", "ros", "contract"}
        pins = [path for path in self.wheels.files if path.stem in names]
        key = [self.wheels.environment.stamp.key, digest_files(self.layout.root, pins)]
        return Stamp(self.layout.build / "ground", digest_texts(key))

    def is_done(self) -> bool:
        """Whether what is installed was built from what is here."""
        return self.wheels.is_done() and self.stamp.is_fresh()

    def work(self, progress: Progress) -> None:
        """Build, continuing the last build where that one ended by itself on the same ground."""
        # Taken now: a source edited during the build was perhaps not built.
        stamp, ground = self.stamp, self._ground
        stamp.clear()
        if not ground.is_fresh():
            for folder in filter(Path.exists, (self.layout.build, self.layout.install)):
                shutil.rmtree(folder)
        ground.clear()
        jobs = len(os.sched_getaffinity(0))
        environment = for_building(self.inherited, self.layout, self.sourced, jobs)
        status = progress.attempt(self._command(), environment)
        ground.write()
        progress.check(status)
        stamp.write()

    def _command(self) -> list[str | Path]:
        layout = self.layout
        cmake = ["-G", "Ninja", f"-DPython3_EXECUTABLE={layout.python}", "-DBUILD_TESTING=OFF"]
        if not self.sourced:
            cmake.append("-DPOLYTASK_PYTHON_ONLY=ON")
        return [
            *(layout.python, "-m", "colcon", "--log-base", layout.logs.parent / "colcon"),
            *("build", "--base-paths", layout.source),
            *("--build-base", layout.build, "--install-base", layout.install),
            *("--merge-install", "--symlink-install"),
            *("--event-handlers", "console_direct+", "desktop_notification-"),
            *("--cmake-args", *cmake),
        ]

    def _sources(self, package: Path) -> str:
        recorded = [package / name for name in _RECORDED if (package / name).exists()]
        if (package / "CMakeLists.txt").exists():
            recorded = [path for path in package.rglob("*") if path.is_file()]
        return digest_texts(
            [digest_files(self.layout.root, recorded), _names(package, ".py", ".pyc")]
        )


def _names(folder: Path, *aside: str) -> str:
    """Hash which files a folder holds, those that end as one of `aside` aside."""
    paths = (path for path in folder.rglob("*") if path.suffix not in aside)
    return digest_texts(sorted(str(path.relative_to(folder)) for path in paths if path.is_file()))
