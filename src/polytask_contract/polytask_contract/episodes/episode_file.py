"""The bytes of one episode: a safetensors file whose every byte a checksum covers.

The header's metadata hold two texts: `polytask`, JSON with everything that is not an array, and
`sha256`, the checksum of the whole file with zeros in its own place. Lengths stand in front of
everything, so what is cut off is missed. Nothing in it can be executed, so nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from polytask_contract.episodes.episode import Episode
from polytask_contract.errors import PolyTaskError

SUFFIX = ".safetensors"
FORMAT = 1
LENGTH_BYTES = 8
# The specification of safetensors allows no longer header.
LONGEST_HEADER = 100_000_000
UNKNOWN_CHECKSUM = "0" * 64
SCALARS: dict[str, tuple[type, ...]] = {
    "suite": (str,),
    "task": (str,),
    "seed": (int, type(None)),
    "source": (str,),
    "control_period": (float,),
}
COLUMNS = ("actions", "rewards", "discounts")
SEEN = "observations."


class BrokenEpisode(PolyTaskError):
    """A file is not a whole episode; the message names the file and what is wrong with it."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file at `path` and the `reason`."""
        super().__init__(f"{path} is not a whole episode: {reason}")


def to_bytes(episode: Episode) -> bytes:
    """Return the contents of the file that holds `episode`; the same for the same episode."""
    scalars = {"format": FORMAT, **{name: getattr(episode, name) for name in SCALARS}}
    arrays = {name: getattr(episode, name) for name in COLUMNS}
    arrays |= {SEEN + name: values for name, values in episode.observations.items()}
    metadata = {"polytask": json.dumps(scalars, sort_keys=True), "sha256": UNKNOWN_CHECKSUM}
    data = _with_ordered_header(save(arrays, metadata))
    checksum = hashlib.sha256(data).hexdigest()
    return data.replace(UNKNOWN_CHECKSUM.encode(), checksum.encode(), 1)


def read_episode(path: Path) -> Episode:
    """Return the episode in the file at `path`; raise BrokenEpisode unless it is there whole."""
    data = path.read_bytes()
    try:
        metadata = _header(data).get("__metadata__", {})
        _check_sum(data, metadata)
        scalars = _scalars(metadata)
        return Episode(**scalars, **_arrays(data))
    except (SafetensorError, ValueError, PolyTaskError) as error:
        raise BrokenEpisode(path, error) from error


def read_scalars(path: Path) -> Mapping[str, Any]:
    """Return what the file says beside its arrays, without reading them or their checksum.

    Raise BrokenEpisode where the file does not begin as an episode does.
    """
    try:
        with path.open("rb") as file:
            length = _header_length(file.read(LENGTH_BYTES))
            header = file.read(length)
        return _scalars(_parsed(header, length).get("__metadata__", {}))
    except ValueError as error:
        raise BrokenEpisode(path, error) from error


def _with_ordered_header(data: bytes) -> bytes:
    """Put the checksum first, where nothing else can look like it, and the rest in order of name.

    safetensors itself orders its metadata differently from one process to the next.
    """
    header = _header(data)
    metadata = dict(sorted(header.pop("__metadata__").items(), reverse=True))
    ordered = {"__metadata__": metadata, **dict(sorted(header.items()))}
    text = json.dumps(ordered, separators=(",", ":")).encode()
    # Arrays begin at a multiple of 8 bytes, so that they can be used where they lie.
    text += b" " * (-len(text) % LENGTH_BYTES)
    body = data[LENGTH_BYTES + _header_length(data) :]
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + body


def _header_length(data: bytes) -> int:
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if len(data) < LENGTH_BYTES or length > LONGEST_HEADER:
        raise ValueError("it does not begin with the length of a header")
    return length


def _header(data: bytes) -> dict[str, Any]:
    length = _header_length(data)
    return _parsed(data[LENGTH_BYTES : LENGTH_BYTES + length], length)


def _parsed(header: bytes, length: int) -> dict[str, Any]:
    if len(header) < length:
        raise ValueError(f"its header has {len(header)} bytes; valid: {length}")
    parsed = json.loads(header)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("__metadata__", {}), dict):
        raise ValueError("its header is of another form")  # noqa: TRY004  # one error for all
    return parsed


def _check_sum(data: bytes, metadata: Mapping[str, Any]) -> None:
    stated = str(metadata.get("sha256")).encode()
    place = data.find(stated, LENGTH_BYTES)
    if len(stated) != len(UNKNOWN_CHECKSUM) or place < 0:
        raise ValueError("it states no checksum")
    digest = hashlib.sha256(memoryview(data)[:place])
    digest.update(UNKNOWN_CHECKSUM.encode())
    digest.update(memoryview(data)[place + len(stated) :])
    if digest.hexdigest().encode() != stated:
        raise ValueError("its contents do not match its checksum")


def _arrays(data: bytes) -> dict[str, Any]:
    arrays = load(data)
    seen = {name.removeprefix(SEEN): arrays[name] for name in arrays if name.startswith(SEEN)}
    if set(arrays) != {*COLUMNS, *(SEEN + name for name in seen)}:
        raise ValueError(f"it holds {', '.join(sorted(arrays))}")
    return {**{name: arrays[name] for name in COLUMNS}, "observations": seen}


def _scalars(metadata: Mapping[str, Any]) -> dict[str, Any]:
    if "polytask" not in metadata:
        raise ValueError("it was not written by PolyTask")
    scalars = json.loads(str(metadata["polytask"]))
    version = scalars.pop("format", None) if isinstance(scalars, dict) else None
    if version != FORMAT:
        raise ValueError(f"its format is {version}; valid: {FORMAT}")
    for name, types in SCALARS.items():
        # A bool is an int to isinstance, and no seed.
        if not isinstance(scalars.get(name), types) or isinstance(scalars.get(name), bool):
            raise ValueError(f"its {name} is {scalars.get(name)!r}")  # noqa: TRY004
    if set(scalars) != set(SCALARS):
        raise ValueError(f"it states {', '.join(sorted(scalars))}")
    return dict(scalars)
