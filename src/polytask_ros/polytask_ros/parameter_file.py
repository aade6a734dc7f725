"""Files of parameters for several nodes, looked at before any of these runs.

ROS passes over a section that is for no node in silence, so a limit in it would be no limit.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from polytask_contract.errors import PolyTaskError

PARAMETERS = "ros__parameters"


class InvalidParameterFile(PolyTaskError):
    """A file of parameters cannot be read, or has a section that no node would take."""


def check_parameter_file(
    path: str | Path, namespace: str, nodes: Mapping[str, Collection[str]]
) -> None:
    """Raise InvalidParameterFile unless every section of `path` is for one of `nodes` by name.

    A node that has sections must have one for its name in `namespace`; others may be for the same
    node of another robot. The parameters that `nodes` lists with a name are given otherwise, and
    may not be in the file. All others are checked by the node that takes them.
    """
    found: dict[str, list[str]] = {}
    for section, parameters in _sections(_content(path), ""):
        name = section.rpartition("/")[2]
        if name not in nodes:
            raise InvalidParameterFile(
                f"{path} has a section {section!r}, which is for no node; valid: those that end in "
                f"{', '.join(nodes)}"
            )
        for parameter in nodes[name]:
            if parameter in parameters:
                raise InvalidParameterFile(
                    f"{path} sets {parameter} of {name}, which no file may; see the arguments"
                )
        found.setdefault(name, []).append(section)
    if not found:
        raise InvalidParameterFile(f"{path} has no section; valid: such as /**/{next(iter(nodes))}")
    for name, sections in found.items():
        node = "/".join(["", *filter(None, namespace.split("/")), name])
        if not any(_pattern(section).fullmatch(node) for section in sections):
            raise InvalidParameterFile(
                f"{path} has {' and '.join(map(repr, sections))}, of which none is for {node}; "
                f"valid: {node}, or /**/{name} for that of every robot"
            )


def _content(path: str | Path) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidParameterFile(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidParameterFile(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def _sections(tree: Any, place: str) -> Iterator[tuple[str, Collection[str]]]:
    """Return the name over each group of parameters, as ROS joins it, and the parameters' names."""
    if not isinstance(tree, dict):
        return
    for name, below in tree.items():
        if name == PARAMETERS:
            yield place, list(below or ())
        else:
            yield from _sections(below, f"{place}/{str(name).strip('/')}")


def _pattern(section: str) -> re.Pattern[str]:
    """Return what a section's name is for: * is one name in it, ** any number of them."""
    escaped = re.escape(section)
    return re.compile(escaped.replace(r"/\*\*", r"(/\w+)*").replace(r"/\*", r"/\w+"))
