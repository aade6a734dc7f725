"""Interface files (.msg, .srv, .action) as data: what the page of interfaces and its tests read.

A file begins with its purpose, a comment that a blank line ends. The comment right above a
declaration documents it; for a number it ends with the unit in brackets. Constants name the values
of the field that follows them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECTIONS = {
    ".msg": ("",),
    ".srv": ("request", "response"),
    ".action": ("goal", "result", "feedback"),
}
DECLARATION = re.compile(r"([\w/]+(?:<=\d+)?(?:\[[^\]]*\])?)\s+(\w+)(?:\s*=\s*(.+))?")
UNIT = re.compile(r"\s*\[([^\[\],]+)\](\.?)$")


class MalformedInterface(Exception):
    """An interface file cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class Constant:
    """A named value of the field that follows it."""

    name: str
    value: str
    comment: str


@dataclass(frozen=True)
class Field:
    """A field, its whole comment, and the constants that name its values."""

    type: str
    name: str
    comment: str
    constants: tuple[Constant, ...]

    @property
    def base_type(self) -> str:
        """The type without its array or length bound."""
        return re.split(r"[\[<]", self.type, maxsplit=1)[0]

    @property
    def unit(self) -> str:
        """The unit that the comment ends with; empty when there is none."""
        return split_unit(self.comment)[1]


@dataclass(frozen=True)
class Section:
    """One part of an interface; a message has a single one, without a name."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Interface:
    """One file."""

    path: Path
    purpose: str
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        """The name of the type."""
        return self.path.stem


def split_unit(comment: str) -> tuple[str, str]:
    """Return `comment` without the unit that it ends with, and that unit, empty for none."""
    match = UNIT.search(comment)
    return (comment[: match.start()] + match[2], match[1]) if match else (comment, "")


def interface_paths(package: Path) -> list[Path]:
    """Return the interface files of the message package in the folder `package`, sorted."""
    return sorted(path for suffix in SECTIONS for path in package.glob(f"{suffix[1:]}/*{suffix}"))


def read_interface(path: Path) -> Interface:
    """Return the interface in the file `path`; raise MalformedInterface."""
    return parse_interface(path, path.read_text(encoding="utf-8"))


def parse_interface(path: Path, text: str) -> Interface:
    """Return the interface called `path` that `text` describes; raise MalformedInterface."""
    parts = re.split(r"^---$", text, flags=re.MULTILINE)
    names = SECTIONS[path.suffix]
    if len(parts) != len(names):
        raise MalformedInterface(f"{path} has {len(parts)} sections; valid: {len(names)}")
    purpose, parts[0] = _split_purpose(parts[0])
    sections = (
        Section(name, tuple(_fields(f"{path} {name}".rstrip(), part)))
        for name, part in zip(names, parts, strict=True)
    )
    return Interface(path, purpose, tuple(sections))


def _split_purpose(text: str) -> tuple[str, str]:
    match = re.match(r"((?:#.*\n)+)(?:\s*\n|\Z)", text)
    if not match:
        return "", text
    lines = (line.removeprefix("#").strip() for line in match[1].splitlines())
    return " ".join(lines), text[match.end() :]


def _fields(place: str, text: str) -> Iterator[Field]:
    constants: list[Constant] = []
    comment: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            comment.append(line.removeprefix("#").strip())
            continue
        if line:
            match = DECLARATION.fullmatch(line)
            if not match:
                raise MalformedInterface(f"{place}: {line!r} is no declaration")
            kind, name, value = match.groups()
            if value is not None:
                constants.append(Constant(name, value, " ".join(comment)))
            else:
                yield Field(kind, name, " ".join(comment), tuple(constants))
                constants = []
        comment = []
    if constants:
        raise MalformedInterface(f"{place}: no field follows constant {constants[-1].name}")
