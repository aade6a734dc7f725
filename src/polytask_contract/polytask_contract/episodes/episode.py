"""One recorded episode: what was seen, done and earned, from its start to its last observation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polytask_contract.environment import check_seed
from polytask_contract.episodes.form import Form, InvalidEpisode
from polytask_contract.specification import Specification
from polytask_contract.success import RULES

# Rows, columns and red, green, blue, each 0 to 255.
Picture = NDArray[np.uint8]

# What made an episode. `play` is cut from a recording of several tasks in a row.
SOURCES = ("script", "teleoperation", "policy", "play", "import")
LONGEST_NAME = 200


@dataclass(frozen=True, eq=False)
class Episode:
    """T actions of a task, the T + 1 observations around them, and what each action earned.

    `observations` holds `success` (T + 1, bool) and `state` (T + 1, size; float32) or `image`
    (T + 1, rows, columns, 3; uint8) or both; `actions` is (T, size), float32, within [-1, 1];
    `rewards` and `discounts` are (T,), float64; `seed` is that of the reset, None where a reset
    does not lead to the first observation; `control_period` is the time of one step [s].
    Its arrays cannot be written to. Raise InvalidEpisode for anything else.
    """

    suite: str
    task: str
    seed: int | None
    source: str
    control_period: float
    observations: Mapping[str, NDArray[Any]]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    discounts: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check every field against the others, and lock the arrays."""
        _check_name("suite", self.suite)
        _check_name("task", self.task)
        if self.seed is not None:
            object.__setattr__(self, "seed", int(self.seed))
            check_seed(self.seed)
        if self.source not in SOURCES:
            _refuse("source", repr(self.source), ", ".join(SOURCES))
        object.__setattr__(self, "control_period", float(self.control_period))
        if not (math.isfinite(self.control_period) and self.control_period > 0):
            _refuse("control_period", f"{self.control_period} s", "above 0 s")
        for name in ("actions", "rewards", "discounts"):
            object.__setattr__(self, name, _locked(name, getattr(self, name)))
        locked = {name: _locked(name, values) for name, values in self.observations.items()}
        object.__setattr__(self, "observations", MappingProxyType(locked))
        self._check_arrays()

    def __len__(self) -> int:
        """Return the number T of actions."""
        return len(self.actions)

    @property
    def successes(self) -> list[bool]:
        """Whether the task was accomplished after each of the T actions."""
        successes: list[bool] = self.observations["success"][1:].tolist()
        return successes

    @property
    def verdicts(self) -> dict[str, bool]:
        """Whether each rule of success calls this episode a success."""
        return {name: bool(rule(self.successes)) for name, rule in RULES.items()}

    @property
    def form(self) -> Form:
        """Its suite and sizes; without states the state's size is 0, without pictures None."""
        sizes = {name: values.shape[1:] for name, values in self.observations.items()}
        return Form(
            suite=self.suite,
            action_size=self.actions.shape[1],
            state_size=sizes["state"][0] if "state" in sizes else 0,
            image=sizes["image"][:2] if "image" in sizes else None,
            control_period=self.control_period,
        )

    def until(self, steps: int) -> "Episode":
        """Return the first `steps` actions and the observations around them."""
        seen = {name: values[: steps + 1] for name, values in self.observations.items()}
        parts = {name: getattr(self, name)[:steps] for name in ("actions", "rewards", "discounts")}
        return replace(self, observations=seen, **parts)

    @property
    def goal_image(self) -> Picture:
        """The last picture; of a demonstration, it shows the task done."""
        if "image" not in self.observations:
            raise InvalidEpisode(f"the episode of {self.suite} {self.task} has no pictures")
        picture: Picture = self.observations["image"][-1]
        return picture

    def check_against(self, specification: Specification) -> None:
        """Raise InvalidEpisode unless it could have been recorded in such an environment."""
        whose = f"the episode of {self.suite} {self.task}"
        self.form.check(Form.of(specification), whose)
        specification.check_task(self.task)

    def _check_arrays(self) -> None:
        _check_values("actions", self.actions, np.float32, ("T", "size"), (-1.0, 1.0))
        steps = len(self.actions)
        _check_values("rewards", self.rewards, np.float64, (steps,))
        _check_values("discounts", self.discounts, np.float64, (steps,), (0.0, 1.0))
        seen = steps + 1
        shapes: dict[str, tuple[type[np.generic], tuple[int | str, ...]]] = {
            "success": (np.bool_, (seen,)),
            "state": (np.float32, (seen, "size")),
            "image": (np.uint8, (seen, "rows", "columns", 3)),
        }
        names = set(self.observations)
        if not names <= set(shapes) or "success" not in names or len(names) == 1:
            found = ", ".join(sorted(names)) or "nothing"
            _refuse("observations", found, "success, and state or image or both")
        for name, values in self.observations.items():
            _check_values(name, values, *shapes[name])


def _refuse(field: str, found: str, valid: str) -> None:
    raise InvalidEpisode(f"{field} is {found}; valid: {valid}")


def _check_name(field: str, name: str) -> None:
    """Refuse what cannot name a folder."""
    safe = name and name.isprintable() and "/" not in name and name[0] != "."
    if not safe or len(name.encode()) > LONGEST_NAME:
        valid = f"printable, without '/' or a dot in front, up to {LONGEST_NAME} bytes"
        _refuse(field, repr(name), valid)


def _locked(name: str, values: Any) -> NDArray[Any]:
    if not isinstance(values, np.ndarray):
        raise InvalidEpisode(f"{name} is a {type(values).__name__}; valid: an array")
    view = values.view()
    view.flags.writeable = False
    return view


def _check_values(
    name: str,
    values: NDArray[Any],
    kind: type[np.generic],
    shape: tuple[int | str, ...],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> None:
    """Check one array; a word in `shape` stands for any length of at least 1."""
    if values.dtype != kind:
        _refuse(f"the type of {name}", str(values.dtype), np.dtype(kind).name)
    fits = len(values.shape) == len(shape) and all(
        length >= 1 if isinstance(wanted, str) else length == wanted
        for length, wanted in zip(values.shape, shape, strict=True)
    )
    if not fits:
        _refuse(f"the shape of {name}", str(values.shape), f"({', '.join(map(str, shape))})")
    if kind in (np.float32, np.float64):
        low, high = bounds
        good = np.isfinite(values) & (values >= low) & (values <= high)
        if not good.all():
            place = np.argwhere(~good)[0].tolist()
            valid = "finite" if bounds[0] == -math.inf else f"{low:g} to {high:g}"
            _refuse(f"value {place} of {name}", str(values[tuple(place)]), valid)
