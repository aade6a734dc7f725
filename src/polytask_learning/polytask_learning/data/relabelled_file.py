"""The file of a relabelled run: what it is of, where its parts lie, and the checksum of it all.

It is a safetensors file that is written part by part, so that pictures need not be in memory
together. The header's metadata hold two texts: `polytask`, JSON of the label, and `sha256`, the
checksum of the whole file with zeros in its own place.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytask_contract.episodes.form import Form
from polytask_contract.errors import PolyTaskError

KIND, FORMAT = "relabelled", 1
# How safetensors calls the types of the parts.
TYPES = {"I64": np.int64, "F32": np.float32, "U8": np.uint8}
LENGTH_BYTES = 8
LONGEST_HEADER = 1_000_000
BLOCK = 1 << 20
UNKNOWN = "0" * 64


class BrokenData(PolyTaskError):
    """A file is not a whole relabelled run; the message names the file and what is wrong."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file at `path` and the `reason`."""
        super().__init__(f"{path} is not a whole relabelled run: {reason}")


@dataclass(frozen=True)
class Label:
    """What a file is of; equal labels of a run mean equal files.

    `request` is what the run was asked for, `form` that of its episodes, `frame_stack` the number
    of pictures that one who learns from it sees at once, 0 if there are none. `expert` is the
    SHA-256 of the checkpoint that acted. Of the steps of `episodes` practised episodes and of
    `played` ones, which the expert has played by itself, `keep` were to be kept. `count` were, of
    which the first `played_steps` are of played episodes. `goal` is the SHA-256 of the
    demonstration that the goal's picture is from.
    """

    suite: str
    task: str
    request: Mapping[str, Any]
    form: Form
    frame_stack: int
    expert: str
    keep: int
    episodes: int
    goal: str | None
    count: int = field(compare=False)
    played: int = 0
    played_steps: int = field(default=0, compare=False)

    def to_json(self) -> str:
        """Return it as text."""
        form = self.form._asdict()
        head = {"kind": KIND, "format": FORMAT, **asdict(self), "form": form}
        return json.dumps(head, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Label":
        """Return what `to_json` made a text of; raise ValueError for any other."""
        head: Any = json.loads(text)
        if not isinstance(head, dict) or head.pop("kind", None) != KIND:
            raise ValueError("it is something else")
        if (found := head.pop("format", None)) != FORMAT:
            raise ValueError(f"its format is {found}; valid: {FORMAT}")
        # Nothing was played for the first files of this format.
        head = {"played": 0, "played_steps": 0} | head
        if set(head) != {one.name for one in fields(cls)}:
            raise ValueError(f"it states {', '.join(sorted(head))}")
        try:
            # JSON has no tuples.
            image = head["form"]["image"] and tuple(head["form"]["image"])
            form = Form(**head["form"] | {"image": image})
        except (KeyError, TypeError) as error:
            raise ValueError(f"its form is {head['form']!r}") from error
        return cls(**head | {"form": form})


def most_played(keep: int) -> int:
    """Return how many of `keep` steps may be of played episodes."""
    return keep // 2


class Part(NamedTuple):
    """An array of a file: one of TYPES, and its shape."""

    type: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How much it takes [byte]."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(TYPES[self.type]).itemsize


class PartsWriter:
    """Fills a file: parts in any order, each from its beginning to its end."""

    def __init__(self, file: BinaryIO, label: Label, parts: Mapping[str, Part]) -> None:
        """Write the header of `parts`, wider types first, to the empty `file`, open for both."""
        self._file, begin = file, 0
        described: dict[str, Any] = {
            "__metadata__": {"sha256": UNKNOWN, "polytask": label.to_json()},
        }
        self._ends: dict[str, int] = {}
        for name, part in parts.items():
            end = begin + part.size
            described[name] = {
                "dtype": part.type,
                "shape": part.shape,
                "data_offsets": (begin, end),
            }
            self._ends[name] = begin = end
        header = json.dumps(described, separators=(",", ":")).encode()
        # Arrays begin at a multiple of 8 bytes, so that they can be used where they lie.
        header += b" " * (-len(header) % LENGTH_BYTES)
        file.write(len(header).to_bytes(LENGTH_BYTES, "little") + header)
        start = file.tell()
        self._ends = {name: start + end for name, end in self._ends.items()}
        self._next = {name: self._ends[name] - part.size for name, part in parts.items()}

    def append(self, name: str, values: NDArray[Any]) -> None:
        """Write the next rows of a part, of its type."""
        content = values.tobytes()
        self._file.seek(self._next[name])
        self._file.write(content)
        self._next[name] += len(content)

    def seal(self) -> None:
        """Put the checksum in; all parts are full."""
        if self._next != self._ends:
            raise ValueError(f"the parts end at {self._next}; valid: {self._ends}")
        place = read_header(self._file).place
        checksum = _digest(self._file, place)
        self._file.seek(place)
        self._file.write(checksum.encode())


class Header(NamedTuple):
    """What a file says of itself: its metadata, and the place of its checksum."""

    metadata: Mapping[str, str]
    place: int


def read_header(file: BinaryIO) -> Header:
    """Return the header of `file`; raise ValueError where there is none of ours."""
    file.seek(0)
    start = file.read(LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if len(start) < LENGTH_BYTES or length > LONGEST_HEADER:
        raise ValueError("it does not begin with the length of a header")
    text = file.read(length)
    described = json.loads(text)
    metadata = described.get("__metadata__") if isinstance(described, dict) else None
    if not isinstance(metadata, dict) or not {"sha256", "polytask"} <= metadata.keys():
        raise ValueError("it was not written by PolyTask")
    place = text.find(str(metadata["sha256"]).encode())
    if len(str(metadata["sha256"])) != len(UNKNOWN) or place < 0:
        raise ValueError("it states no checksum")
    return Header(metadata, LENGTH_BYTES + place)


def read_label(path: Path) -> Label:
    """Return the label of the file at `path`, every byte of which is checked.

    Raise BrokenData unless it is whole and one of ours.
    """
    with path.open("rb") as file:
        try:
            header = read_header(file)
            _check_sum(file, header)
            return Label.from_json(str(header.metadata["polytask"]))
        except ValueError as error:
            raise BrokenData(path, error) from error


def _check_sum(file: BinaryIO, header: Header) -> None:
    if _digest(file, header.place) != header.metadata["sha256"]:
        raise ValueError("its contents do not match its checksum")


def _digest(file: BinaryIO, place: int) -> str:
    """Return the checksum of `file` with zeros for that which stands at `place`."""
    file.seek(0)
    digest = hashlib.sha256(file.read(place))
    file.seek(place + len(UNKNOWN))
    digest.update(UNKNOWN.encode())
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()
