"""Mappings on disk: config/joysticks, and a user's own files."""

import os
from collections.abc import Mapping as Entries
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from polytask_contract.errors import UnknownName
from polytask_xarm_driver.teleop.feeds import Feed, StickFeed, SwitchFeed
from polytask_xarm_driver.teleop.mapping import ROLES, InvalidMapping, Mapping
from polytask_xarm_driver.teleop.switch import Switch

SUFFIX = ".yaml"
ENTRIES = ("pad", *ROLES, "speeds", "action")
FEEDS = "an axis with its scale, or plus and minus"
SWITCHES = "the number of a button, or an axis with a limit beyond which it counts"


def mapping_names() -> tuple[str, ...]:
    """Return the names of the mappings that come with PolyTask."""
    return tuple(sorted(entry.name.removesuffix(SUFFIX) for entry in _folder().iterdir()))


def load_mapping(name: str) -> Mapping:
    """Return the mapping of that name, or in the file of that path, which ends in .yaml.

    Raise UnknownName when there is none, InvalidMapping when it cannot be meant; its message begins
    with the name.
    """
    try:
        if name.endswith(SUFFIX) or os.sep in name:
            text = Path(name).read_text(encoding="utf-8")
        elif name in mapping_names():
            text = _folder().joinpath(name + SUFFIX).read_text(encoding="utf-8")
        else:
            raise UnknownName("mapping", name, (*mapping_names(), "a path that ends in .yaml"))
        return parse_mapping(name, yaml.safe_load(text))
    except OSError as error:
        raise InvalidMapping(f"mapping {name!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidMapping(f"mapping {name!r} is no text") from None
    except yaml.YAMLError as error:
        # The parser's message has a line for each thing it knows.
        reason = " ".join(str(error).split())
        raise InvalidMapping(f"mapping {name!r} is no YAML: {reason}") from None
    except InvalidMapping as invalid:
        raise InvalidMapping(f"mapping {name!r}: {invalid}") from None


def parse_mapping(name: str, entries: Any) -> Mapping:
    """Return the mapping that a file's content states; raise InvalidMapping for a wrong entry."""
    _check_names(entries, ENTRIES, "the file")
    speeds, action = entries["speeds"], entries["action"]
    for key, value in (("speeds", speeds), ("action", action)):
        if not isinstance(value, list):
            raise InvalidMapping(f"{key} is {value!r}; valid: a list")
    return Mapping(
        name=name,
        pad=str(entries["pad"]),
        switches=tuple(_switch(entries[role], role) for role in ROLES),
        speeds=tuple(_number(speed, "a speed") for speed in speeds),
        feeds=tuple(
            _feed(entry, f"value {place} of the action") for place, entry in enumerate(action)
        ),
    )


def _folder() -> Any:
    # In the sources this is a link to config/joysticks, which a build follows or copies.
    return files("polytask_xarm_driver").joinpath("joysticks")


def _check_names(entries: Any, valid: tuple[str, ...], where: str) -> None:
    """Raise InvalidMapping unless `entries` has exactly the `valid` names."""
    if not isinstance(entries, Entries):
        raise InvalidMapping(f"{where} is {entries!r}; valid: entries {', '.join(valid)}")
    for name in entries:
        if name not in valid:
            raise InvalidMapping(f"{where} has an entry {name!r}; valid: {', '.join(valid)}")
    for name in valid:
        if name not in entries:
            raise InvalidMapping(f"{where} has no entry {name!r}; valid: {', '.join(valid)}")


def _switch(entry: Any, role: str) -> Switch:
    if isinstance(entry, Entries):
        _check_names(entry, ("axis", "beyond"), role)
        return Switch(_place(entry["axis"], role), _number(entry["beyond"], role))
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise InvalidMapping(f"{role} is {entry!r}; valid: {SWITCHES}")
    return Switch(entry)


def _feed(entry: Any, role: str) -> Feed:
    if isinstance(entry, Entries) and "axis" in entry:
        _check_names(entry, ("axis", "scale"), role)
        return StickFeed(_place(entry["axis"], role), _number(entry["scale"], role))
    if isinstance(entry, Entries) and "plus" in entry:
        _check_names(entry, ("plus", "minus"), role)
        return SwitchFeed(
            _switch(entry["plus"], f"plus of {role}"), _switch(entry["minus"], f"minus of {role}")
        )
    raise InvalidMapping(f"{role} is {entry!r}; valid: {FEEDS}")


def _place(value: Any, role: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidMapping(f"{role} has axis {value!r}; valid: whole numbers from 0")
    return value


def _number(value: Any, role: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMapping(f"{role} has {value!r}; valid: a number")
    return float(value)
