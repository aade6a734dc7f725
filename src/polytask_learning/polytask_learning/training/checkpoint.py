"""A state of training as one file: a line with a checksum, then all that the checksum is of.

That is JSON in a line, for everything that is no tensor, and the tensors. A state is what
`state_dict` methods return: tensors, numbers, texts and None in dictionaries and lists. Nothing in
the file can be executed, so nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from polytask_contract.durable import replacing
from polytask_contract.errors import PolyTaskError

FORMAT = 2
# Its checksum is of the tensors alone, and the JSON stands beside it.
OLDER_FORMAT = 1
# What stands in JSON for a tensor, a dictionary and a list.
TENSOR, TABLE, LIST = "tensor", "table", "list"


class BrokenCheckpoint(PolyTaskError):
    """A file is not a whole checkpoint; the message names the file and what is wrong with it."""


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` to `path`, whole or not at all, over what was there."""
    tensors: dict[str, Tensor] = {}
    tree = _taken_apart(state, tensors)
    content = json.dumps(tree).encode() + b"\n" + save(tensors)
    head = {"format": FORMAT, "sha256": hashlib.sha256(content).hexdigest()}
    with replacing(path) as aside:
        aside.write_bytes(json.dumps(head).encode() + b"\n" + content)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state in the file at `path`; raise BrokenCheckpoint unless it is there whole."""
    line, _, content = path.read_bytes().partition(b"\n")
    try:
        head = json.loads(line)
        _check(head, content)
        tree, tensors = _parts(head, content)
        return dict(_put_together(tree, load(tensors)))
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BrokenCheckpoint(f"{path} is not a whole checkpoint: {error}") from error


def _check(head: Any, content: bytes) -> None:
    if not isinstance(head, dict) or head.get("format") not in (FORMAT, OLDER_FORMAT):
        raise ValueError(f"it is not of format {FORMAT}")
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise ValueError("its contents do not match its checksum")


def _parts(head: Mapping[str, Any], content: bytes) -> tuple[Any, bytes]:
    """Return what JSON says of the state, and its tensors."""
    if head["format"] == OLDER_FORMAT:
        return head["tree"], content
    line, _, tensors = content.partition(b"\n")
    return json.loads(line), tensors


def _taken_apart(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return `value` as JSON can say it; its tensors go to `tensors` under numbers."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # A copy: safetensors refuses tensors that share memory.
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        # Pairs, as the keys of an optimiser's state are numbers.
        return {TABLE: [[key, _taken_apart(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        return {LIST: [_taken_apart(inner, tensors) for inner in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kinds = "tensors, numbers, texts, None, dictionaries and lists"
    raise TypeError(f"a checkpoint cannot keep a {type(value).__name__}; valid: {kinds}")


def _put_together(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == TENSOR:
        return tensors[content]
    if kind == TABLE:
        return {key: _put_together(inner, tensors) for key, inner in content}
    if kind == LIST:
        return [_put_together(inner, tensors) for inner in content]
    raise ValueError(f"its tree has a {kind!r}; valid: {TENSOR}, {TABLE}, {LIST}")


def same(one: Any, other: Any) -> bool:
    """Tell whether two states are equal bit for bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)
