"""What a robot's tasks are: read from a file that a lab writes, ten lines a task.

suite: xarm
tasks:
  close-drawer-left:
    box: [[0.26, -0.22, 0.05], [0.5, 0.22, 0.3]]
    start: [[0.26, -0.2, 0.18], [0.32, 0.2, 0.28]]
    turned: down
    fingers: 0.0
    tilts: false
    steps: 50
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from polytask_contract.errors import PolyTaskError, UnknownName
from polytask_contract.table import AHEAD, DOWN, FINGER_TRAVEL, Box
from polytask_xarm_driver.arm.rotation import Matrix

TURNS: dict[str, Matrix] = {"down": DOWN, "ahead": AHEAD}
KEYS = ("box", "start", "turned", "fingers", "tilts", "steps")


class InvalidTasks(PolyTaskError):
    """A file of tasks cannot be used; the message names the file, the task and the entry."""


@dataclass(frozen=True)
class RobotTask:
    """One task: an episode begins with the tool anywhere in `start` and never leaves `box`.

    `turned` is the tool's rotation (3, 3), `fingers` how far each is from the middle at the start
    [m]; where a task `tilts`, the fourth value of an action tilts the tool and the fingers stay.
    An episode has `steps` steps.
    """

    box: Box
    start: Box
    turned: Matrix
    fingers: float
    tilts: bool
    steps: int


@dataclass(frozen=True)
class RobotTasks:
    """The tasks of a robot, as the suite that they are called after."""

    suite: str
    tasks: Mapping[str, RobotTask]


def find_tasks(name: str) -> Path:
    """Return the file called `name` in config/robots, or the one at the path `name`.

    Raise UnknownName when there is none of that name; a path ends in .yaml.
    """
    if name.endswith(".yaml"):
        return Path(name)
    folder = Path(str(files("polytask_xarm_driver").joinpath("robots")))
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        raise UnknownName("file of tasks", name, (*known, "a path that ends in .yaml"))
    return folder / f"{name}.yaml"


def read_tasks(path: Path) -> RobotTasks:
    """Return what `path` says; raise InvalidTasks when it cannot be read or contradicts itself."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidTasks(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict) or set(content) != {"suite", "tasks"}:
        raise InvalidTasks(f"{path} must hold exactly 'suite' and 'tasks'")
    suite, entries = content["suite"], content["tasks"]
    if not isinstance(suite, str) or not suite:
        raise InvalidTasks(f"{path}: suite is {suite!r}; valid: a name")
    if not isinstance(entries, dict) or not entries:
        raise InvalidTasks(f"{path}: tasks is {entries!r}; valid: at least one task by its name")
    tasks = {str(name): _task(f"{path}: {name}", entry) for name, entry in entries.items()}
    return RobotTasks(suite, tasks)


def _task(place: str, entry: Any) -> RobotTask:
    if not isinstance(entry, dict) or set(entry) != set(KEYS):
        found = sorted(map(str, entry)) if isinstance(entry, dict) else entry
        raise InvalidTasks(f"{place} has {found}; valid: exactly {', '.join(KEYS)}")
    box, start = _box(place, "box", entry["box"]), _box(place, "start", entry["start"])
    if not all(np.array_equal(box.clip(np.array(corner)), corner) for corner in start):
        raise InvalidTasks(f"{place}: start {entry['start']} leaves the box {entry['box']}")
    if entry["turned"] not in TURNS:
        raise InvalidTasks(f"{place}: turned is {entry['turned']!r}; valid: {', '.join(TURNS)}")
    fingers, steps, tilts = entry["fingers"], entry["steps"], entry["tilts"]
    if not _is_number(fingers) or not 0 <= fingers <= FINGER_TRAVEL:
        raise InvalidTasks(f"{place}: fingers is {fingers!r}; valid: 0 to {FINGER_TRAVEL} m")
    if not isinstance(tilts, bool):
        raise InvalidTasks(f"{place}: tilts is {tilts!r}; valid: true or false")
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise InvalidTasks(f"{place}: steps is {steps!r}; valid: a number from 1 up")
    return RobotTask(box, start, TURNS[entry["turned"]], float(fingers), tilts, steps)


def _box(place: str, name: str, corners: Any) -> Box:
    valid = "valid: [lowest corner, highest corner], each [x, y, z] in metres"
    try:
        array = np.asarray(corners, np.float64)
    except (TypeError, ValueError):
        raise InvalidTasks(f"{place}: {name} is {corners!r}; {valid}") from None
    if array.shape != (2, 3) or not np.isfinite(array).all() or (array[0] > array[1]).any():
        raise InvalidTasks(f"{place}: {name} is {corners!r}; {valid}")
    low, high = array.tolist()
    return Box(tuple(low), tuple(high))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
