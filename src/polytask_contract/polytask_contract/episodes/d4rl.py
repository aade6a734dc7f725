"""Play in D4RL's HDF5 layout, in which the kitchen's relay-policy data are passed on.

One file holds all steps of all recordings: `observations` and `actions`, one row a step, and
`terminals` or `timeouts` or both, true in the last step of a recording. `rewards` may be there.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from polytask_contract.episodes.segment import InvalidPlay, Play

RANKS = {"actions": 2, "observations": 2, "rewards": 1, "terminals": 1, "timeouts": 1}
REQUIRED = ("actions", "observations")
ENDS = ("terminals", "timeouts")


def read_plays(path: Path) -> list[Play]:
    """Return the recordings in the file at `path`, in its order.

    Steps after the last end are a recording too. Raise InvalidPlay unless it is such a file, whole
    and of numbers.
    """
    columns = _read(path)
    missing = [name for name in REQUIRED if name not in columns]
    if missing or not any(name in columns for name in ENDS):
        found = ", ".join(sorted(columns)) or "none of them"
        raise InvalidPlay(
            f"{path} has {found}; valid: {' and '.join(REQUIRED)}, and {' or '.join(ENDS)}"
        )
    _check(path, columns)
    actions: NDArray[np.float32] = columns["actions"].astype(np.float32)
    ends = np.zeros(len(actions), bool)
    for name in ENDS:
        if name in columns:
            ends |= columns[name].astype(bool)
    cuts = np.flatnonzero(ends) + 1
    return [Play(part) for part in np.split(actions, cuts) if len(part)]


def _read(path: Path) -> dict[str, NDArray[Any]]:
    # So that a missing file is told as such, and not in HDF5's words.
    path.open("rb").close()
    try:
        with h5py.File(path, "r") as file:
            found = {name: file.get(name) for name in RANKS}
            # Only numbers are read: HDF5 may hold other things, but nothing here interprets them.
            return {
                name: item[()]
                for name, item in found.items()
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf"
            }
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidPlay(f"{path} is not a whole HDF5 file: {error}") from error


def _check(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    steps = len(columns["actions"]) if columns["actions"].ndim else 0
    for name, values in columns.items():
        if values.ndim != RANKS[name] or len(values) != steps or not steps:
            rest = ", size" if RANKS[name] == 2 else ""
            raise InvalidPlay(
                f"{name} in {path} are {values.shape}; valid: ({steps or 'steps'}{rest})"
            )
        if not np.isfinite(values).all():
            row = np.argwhere(~np.isfinite(values))[0].tolist()
            raise InvalidPlay(f"value {row} of {name} in {path} is not finite")
