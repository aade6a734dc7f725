"""The environment every verb runs in; computed, as sourcing scripts takes a second a call."""

from collections.abc import Mapping
from pathlib import Path

from workspace.layout import Layout

# The wheels start Python a second time to set LD_LIBRARY_PATH, and set this so as to do it once.
# Inherited from another checkout's shell it would leave this one without its libraries.
_BOOTSTRAP_GUARD = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"

# Pinned wheels are installed uncompiled; where Python may not keep what it compiles, every process
# that imports torch begins seconds late.
_BYTECODE_SWITCH = "PYTHONDONTWRITEBYTECODE"

_SEARCH_PATHS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH")


def isolated(inherited: Mapping[str, str], layout: Layout, sourced: bool) -> dict[str, str]:
    """Copy `inherited`, with .venv's Python first and nothing that was built here on any path."""
    environment = dict(inherited)
    for name in (
        "PYTHONHOME",
        _BYTECODE_SWITCH,
        _BOOTSTRAP_GUARD,
        *(() if sourced else ("ROS_DISTRO",)),
    ):
        environment.pop(name, None)
    for name in _SEARCH_PATHS:
        entries = environment.pop(name, "").split(":")
        foreign = [entry for entry in entries if entry and layout.root not in Path(entry).parents]
        _prepend(environment, name, *foreign)
    if not sourced:
        environment["AMENT_PREFIX_PATH"] = str(layout.venv)
    _prepend(environment, "PATH", str(layout.venv / "bin"))
    environment["VIRTUAL_ENV"] = str(layout.venv)
    environment["PYTHONNOUSERSITE"] = "1"
    return environment


def for_running(inherited: Mapping[str, str], layout: Layout, sourced: bool) -> dict[str, str]:
    """Compute the environment in which everything built here is found."""
    environment = isolated(inherited, layout, sourced)
    _prepend(environment, "AMENT_PREFIX_PATH", str(layout.install))
    _prepend(environment, "LD_LIBRARY_PATH", str(layout.install / "lib"))
    _prepend(environment, "PYTHONPATH", *_import_paths(layout))
    # Executables lie where `ros2 run` finds them; this package's is the command `polytask`.
    _prepend(environment, "PATH", str(layout.install / "lib" / "polytask_contract"))
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return environment


def for_building(
    inherited: Mapping[str, str], layout: Layout, sourced: bool, jobs: int
) -> dict[str, str]:
    """Compute the environment colcon builds in: ROS is found, earlier results of ours are not."""
    environment = isolated(inherited, layout, sourced)
    if not sourced:
        _prepend(environment, "CMAKE_PREFIX_PATH", str(layout.venv))
    # Left to itself colcon adds a load limit, which serialises the build on a busy machine.
    environment["MAKEFLAGS"] = f"-j{jobs}"
    # A user's own colcon defaults would change what is built and where.
    environment["COLCON_HOME"] = str(layout.logs / "colcon-home")
    environment.pop("COLCON_DEFAULTS_FILE", None)
    return environment


def _import_paths(layout: Layout) -> list[str]:
    """Where Python finds our packages and their entry points.

    A symlink install leaves a Python package in its build folder: a link to the source beside the
    metadata that holds the entry points. Messages are in the prefix.
    """
    developed = [layout.build / package.name for package in layout.packages()]
    paths = [folder for folder in developed if (folder / "setup.py").exists()]
    prefixes = sorted(layout.install.glob("lib/python3.*/site-packages"))
    return [str(path) for path in (*paths, *prefixes)]


def _prepend(environment: dict[str, str], name: str, *entries: str) -> None:
    """Put `entries` first on a search path, and leave one without any entries out."""
    path = ":".join([*entries, *filter(None, [environment.get(name)])])
    if path:
        environment[name] = path
