"""The few things only the system's package manager can bring: a compiler, headers, a renderer."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workspace.failure import SetupError
from workspace.layout import Layout
from workspace.progress import Progress
from workspace.stamps import Stamp


@dataclass(frozen=True)
class SystemPackage:
    """A Debian or Ubuntu package, what it is for, and how to see that what it brings is there."""

    name: str
    purpose: str
    is_needed_to_build: bool
    is_present: Callable[[], bool]


@dataclass(frozen=True)
class SystemPackages:
    """The step that sees to them. It asks and tells once: what it could not get is stamped too."""

    layout: Layout
    is_built: Callable[[], bool]

    title = "system packages"

    def is_done(self) -> bool:
        """Whether nothing is missing, or nothing more than when it was last told."""
        missing = self._missing()
        return not missing or self._stamp(missing).is_fresh()

    def work(self, progress: Progress) -> None:
        """Install what is missing where that is allowed, and otherwise say which line would.

        Raises SetupError when what is still missing is needed to set up at all.
        """
        if _administrator() is not None:
            _install([package.name for package in self._missing()], progress)
        missing = self._missing()
        if not missing:
            return
        said = f"{_purposes(missing)}; install with:\n  {install_command(missing)}"
        if any(package.is_needed_to_build for package in missing):
            raise SetupError(f"missing: {said}")
        progress.note(f"going on without {said}")
        self._stamp(missing).write()

    def _missing(self) -> list[SystemPackage]:
        needed = [package for package in _packages() if not package.is_present()]
        if self.is_built():
            return [package for package in needed if not package.is_needed_to_build]
        return needed

    def _stamp(self, missing: list[SystemPackage]) -> Stamp:
        return Stamp(_told(self.layout), install_command(missing))


def forget_what_was_told(layout: Layout) -> None:
    """Try, and tell, again at the next set-up."""
    _told(layout).unlink(missing_ok=True)


def _told(layout: Layout) -> Path:
    return layout.logs / "told"


def install_command(packages: list[SystemPackage]) -> str:
    """Write the line a user types to get these packages."""
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return " ".join([*sudo, "apt", "install", *(package.name for package in packages)])


def _purposes(packages: list[SystemPackage]) -> str:
    return ", ".join(f"{package.name} ({package.purpose})" for package in packages)


def _packages() -> list[SystemPackage]:
    # The packages of a Python are named after it, also where it is not the distribution's default.
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return [
        SystemPackage(f"{python}-venv", "virtual environments", True, _has_ensurepip),
        SystemPackage(f"{python}-dev", "compiling messages", True, header.is_file),
        SystemPackage("g++", "compiling messages", True, lambda: _has_program("c++", "g++")),
        SystemPackage("cmake", "compiling messages", True, lambda: _has_program("cmake")),
        SystemPackage("libegl1", "rendering", False, lambda: _has_library("libEGL.so.1")),
        SystemPackage("libgl1-mesa-dri", "rendering", False, _has_mesa),
        SystemPackage(
            "libosmesa6", "rendering without EGL", False, lambda: _has_library("libOSMesa.so.8")
        ),
    ]


def _has_ensurepip() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


def _has_program(*names: str) -> bool:
    return any(shutil.which(name) for name in names)


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _has_mesa() -> bool:
    return any(Path("/usr/lib").glob("*/dri/swrast_dri.so"))


def _administrator() -> list[str] | None:
    """Find what to put before apt-get; None where packages cannot be installed without asking."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    asked = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    return [sudo, "-n"] if asked.returncode == 0 else None


def _install(names: list[str], progress: Progress) -> None:
    """Install what can be; the caller looks at what is there afterwards."""
    prefix = _administrator() or []
    # sudo passes no variables on, hence env.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    apt = [*prefix, *quiet, "apt-get", "-o", "DPkg::Lock::Timeout=60"]
    install = [*apt, "install", "-y", "--no-install-recommends", *names]
    # The lists are absent on a fresh image and stale on an old one; both show as a failed install.
    if progress.attempt(install, os.environ) != 0:
        progress.attempt([*apt, "update"], os.environ)
        progress.attempt(install, os.environ)
