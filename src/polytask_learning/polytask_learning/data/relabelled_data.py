"""What a run practised, with the actions of its expert: to be read while a policy is distilled."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.form import Form
from polytask_contract.errors import UnknownName
from polytask_learning.data.relabelled_file import TYPES, BrokenData, Label, Part, read_label


def parts_of(label: Label, frames: int) -> dict[str, Part]:
    """Return the arrays of a file with so many single pictures, those of wider types first.

    `rows` (N, K) are the pictures of each step's stack, in `image` (frames, 3, rows, columns);
    `actions` (N, A) are the expert's, `state` (N, D) is there where the run has states, and `goal`
    (rows, columns, 3), the last picture of a demonstration, where one was at hand.
    """
    count, form = label.count, label.form
    parts = {}
    if label.frame_stack:
        parts["rows"] = Part("I64", (count, label.frame_stack))
    parts["actions"] = Part("F32", (count, form.action_size))
    if form.state_size:
        parts["state"] = Part("F32", (count, form.state_size))
    if label.frame_stack and form.image:
        parts["image"] = Part("U8", (frames, 3, *form.image))
    return parts


class RelabelledData:
    """The steps of a file that `relabel` wrote; pictures stay on disk until they are drawn.

    `pictured` tells whether it gives pictures, else it gives states; `parts` are the file's arrays.
    """

    def __init__(self, path: Path, observations: str | None = None) -> None:
        """Open the file at `path`, and check all of it.

        `observations` are "state" or "pixels", by default what the expert saw; raise UnknownName
        if the file has them not, BrokenData unless it is there whole.
        """
        self.label = read_label(path)
        try:
            # What a tensor of this shows stays on disk: it is mapped into memory.
            with safe_open(path, framework="pt") as file:
                parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            _check(self.label, parts)
        except (SafetensorError, ValueError) as error:
            raise BrokenData(path, error) from error
        self.parts: Mapping[str, Tensor] = parts
        kept = {"state": "state" in parts, "pixels": "image" in parts}
        wanted = observations or str(self.label.request["observations"])
        if not kept.get(wanted):
            valid = [name for name, there in kept.items() if there]
            raise UnknownName("observation", wanted, valid)
        self.pictured = wanted == "pixels"

    def __len__(self) -> int:
        """Return how many steps there are."""
        return self.label.count

    @property
    def seen_form(self) -> Form:
        """The form of the episodes, without pictures where it gives states."""
        form = self.label.form
        return form if self.pictured else form._replace(image=None)

    @property
    def frame_stack(self) -> int:
        """How many pictures it gives at once; 0 for states."""
        return self.label.frame_stack if self.pictured else 0

    @property
    def goal_image(self) -> Picture | None:
        """The last picture of a demonstration, if one was at hand when the file was written."""
        return self.parts["goal"].numpy().copy() if "goal" in self.parts else None

    def sample(self, count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return `count` steps, each as likely as any other, as `at` does."""
        return self.at(torch.from_numpy(random.integers(len(self), size=count)))

    def at(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the observations at `places` (B,), 0 to len - 1, and the expert's actions (B, A).

        Observations are states (B, D) float32, or stacked pictures (B, 3 K, rows, columns) uint8.
        """
        actions = self.parts["actions"][places]
        if not self.pictured:
            return self.parts["state"][places], actions
        return self.parts["image"][self.parts["rows"][places]].flatten(1, 2), actions


def _check(label: Label, parts: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless `parts` are what `label` promises."""
    frames = len(parts["image"]) if "image" in parts else 0
    wanted = parts_of(label, frames)
    if label.goal:
        wanted["goal"] = Part("U8", tuple(parts["goal"].shape) if "goal" in parts else ())
    if parts.keys() != wanted.keys():
        raise ValueError(f"it holds {', '.join(sorted(parts))}; valid: {', '.join(sorted(wanted))}")
    for name, part in wanted.items():
        found = parts[name]
        kind = torch.from_numpy(np.zeros(0, TYPES[part.type])).dtype
        if (tuple(found.shape), found.dtype) != (part.shape, kind):
            shape = tuple(found.shape)
            raise ValueError(f"{name} is {shape} {found.dtype}; valid: {part.shape} {kind}")
    if label.count < 1:
        raise ValueError(f"it has {label.count} steps; valid: 1 or more")
    if not 0 <= label.played_steps < label.count:
        alone = f"{label.played_steps} of {label.count} steps are of played episodes"
        raise ValueError(f"{alone}; valid: 0 to {label.count - 1}")
    # Not a number is not within either.
    if not (parts["actions"].abs() <= 1).all():
        raise ValueError("an action is beyond -1 to 1")
    if "rows" in parts and not ((parts["rows"] >= 0) & (parts["rows"] < frames)).all():
        raise ValueError(f"a step shows a picture beyond 0 to {frames - 1}")
