"""The steps that make .venv: the environment itself, then the pinned wheels in it."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workspace import cmake_paths, ros
from workspace.environment import isolated
from workspace.layout import Layout
from workspace.progress import Progress
from workspace.stamps import Stamp, digest_files, digest_texts

_HEADERS = (
    "import sysconfig, numpy; print(sysconfig.get_path('include')); print(numpy.get_include())"
)


@dataclass(frozen=True)
class VirtualEnvironment:
    """An empty .venv. Its stamp is absent while wheels are put in, so a torn .venv is made anew."""

    layout: Layout
    sourced: bool
    inherited: Mapping[str, str]

    title = "virtual environment"

    @property
    def stamp(self) -> Stamp:
        """Depends on the place (scripts name it), the Python, and whether ROS is sourced."""
        # With a sourced ROS its rclpy decides on the Python, which is asked when .venv is made.
        python = "the sourced ROS's" if self.sourced else f"{sys.version_info[:2]}"
        return Stamp(self.layout.venv / "made", digest_texts([str(self.layout.root), python]))

    def is_done(self) -> bool:
        """Whether it is there, whole, and for this Python."""
        return self.stamp.is_fresh()

    def work(self, progress: Progress) -> None:
        """Make it, over whatever was left there."""
        self.stamp.clear()
        python = ros.base_python(self.sourced)
        options = ["--clear", *(["--system-site-packages"] if self.sourced else [])]
        clean = _without_import_path(self.inherited, self.layout, self.sourced)
        progress.call([python, "-m", "venv", *options, self.layout.venv], clean)
        self.stamp.write()


@dataclass(frozen=True)
class PinnedWheels:
    """What requirements/ pins, in .venv, with the wheels' CMake files made fit for this machine."""

    environment: VirtualEnvironment

    title = "pinned wheels"

    @property
    def files(self) -> list[Path]:
        """The requirements files to install; a sourced ROS takes the place of its wheels."""
        everything = self.environment.layout.requirement_files()
        return [path for path in everything if path.stem != "ros" or not self.environment.sourced]

    @property
    def stamp(self) -> Stamp:
        """Depends on the contents of those files."""
        layout = self.environment.layout
        return Stamp(layout.venv / "wheels", digest_files(layout.root, self.files))

    def is_done(self) -> bool:
        """Whether exactly these pins were installed."""
        return self.environment.is_done() and self.stamp.is_fresh()

    def work(self, progress: Progress) -> None:
        """Install them, beside what other pins had brought before."""
        layout, sourced = self.environment.layout, self.environment.sourced
        stamp = self.stamp
        stamp.clear()
        self.environment.stamp.clear()
        clean = _without_import_path(self.environment.inherited, layout, sourced)
        # Compiling everything would take as long as installing it; Python compiles what it imports.
        options = ["--no-compile", "--no-input", "--progress-bar", "off"]
        files = [option for path in self.files for option in ("-r", str(path))]
        progress.call([layout.python, "-m", "pip", "install", *options, *files], clean)
        if not sourced:
            headers = subprocess.check_output([layout.python, "-c", _HEADERS], env=clean, text=True)
            cmake_paths.repair(layout.venv / "share", *headers.splitlines())
        self.environment.stamp.write()
        stamp.write()


def _without_import_path(
    inherited: Mapping[str, str], layout: Layout, sourced: bool
) -> dict[str, str]:
    """Where pip takes nothing outside .venv for installed, and installs nowhere else."""
    environment = isolated(inherited, layout, sourced)
    environment.pop("PYTHONPATH", None)
    return {**environment, "PIP_USER": "0"}
