"""A smaller copy of a relabelled run: at most so many of its steps, drawn evenly.

Half of them at most are of episodes that the expert has played, as in the file itself.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from polytask_contract.durable import replacing
from polytask_learning.data.relabelled_data import RelabelledData, parts_of
from polytask_learning.data.relabelled_file import Label, Part, PartsWriter, most_played
from polytask_learning.data.reservoir import InvalidSample, sampled_steps

# Pictures that are in memory together.
BLOCK = 1000


def _thinned_label(label: Label, keep: int) -> Label:
    """Return the label of what `thin` makes of a file with `label`."""
    if label.count <= keep:
        return label
    first = min(label.played_steps, most_played(keep))
    count = first + min(label.count - label.played_steps, keep - first)
    return replace(label, keep=keep, count=count, played_steps=first)


def thin(source: Path, target: Path, keep: int, seed: int) -> None:
    """Write `keep` steps of the file at `source` to `target`, or all where there are not more.

    Which ones are kept, depends on `seed`. Raise InvalidSample for a `keep` below 1, BrokenData
    unless `source` is whole.
    """
    if keep < 1:
        raise InvalidSample(f"{keep} steps are to be kept; valid: 1 or more")
    data = RelabelledData(source)
    label = _thinned_label(data.label, keep)
    with replacing(target) as aside:
        if label == data.label:
            # Not another name of the same file: who writes over that in place, as cp does, would
            # change both.
            shutil.copyfile(source, aside)
        else:
            with aside.open("w+b") as file:
                _write(file, label, data.parts, from_numpy(_chosen(data.label, label, seed)))


def _chosen(label: Label, wanted: Label, seed: int) -> NDArray[np.int64]:
    """Return which steps of a file with `label` go to one with the label `wanted`."""
    begins = (0, label.played_steps, label.count)
    counts = (wanted.played_steps, wanted.count - wanted.played_steps)
    parts = [
        begin + sampled_steps([end - begin], count, seed)[0]
        for begin, end, count in zip(begins[:-1], begins[1:], counts, strict=True)
        if count
    ]
    return np.concatenate(parts)


def _write(file: BinaryIO, label: Label, parts: Mapping[str, Tensor], kept: Tensor) -> None:
    rows = parts["rows"][kept].numpy() if "rows" in parts else np.zeros(0, np.int64)
    needed = np.unique(rows)
    sizes = parts_of(label, len(needed))
    if "goal" in parts:
        sizes["goal"] = Part("U8", tuple(parts["goal"].shape))
    writer = PartsWriter(file, label, sizes)
    for name, part in parts.items():
        if name == "image":
            for begin in range(0, len(needed), BLOCK):
                some = from_numpy(needed[begin : begin + BLOCK])
                writer.append(name, part[some].numpy())
        elif name == "rows":
            writer.append(name, np.searchsorted(needed, rows))
        else:
            writer.append(name, (part if name == "goal" else part[kept]).numpy())
    writer.seal()
