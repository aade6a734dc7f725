"""Repairs the paths that the machine which built the ROS wheels left in their CMake files."""

import re
from pathlib import Path

_PYTHON = re.compile(r'/[^;"]*/include/python3\.\d+')
_NUMPY = re.compile(r'/[^;"]*/numpy/(?:_core|core)/include')


def repair(site_packages: Path, python_include: str, numpy_include: str) -> list[Path]:
    """Point every message package's CMake export below `site_packages` at this Python and numpy.

    Repairing again, or for another place, is safe: the paths are known by their shape.
    Returns the files that were changed.
    """
    changed = []
    for path in sorted(site_packages.rglob("*rosidl_generator_pyExport.cmake")):
        text = path.read_text()
        repaired = _PYTHON.sub(lambda _: python_include, text)
        repaired = _NUMPY.sub(lambda _: numpy_include, repaired)
        if repaired != text:
            path.write_text(repaired)
            changed.append(path)
    return changed
