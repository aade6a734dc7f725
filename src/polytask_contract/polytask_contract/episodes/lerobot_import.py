"""Episodes out of a LeRobot dataset of version 3.0, ours or somebody else's.

A dataset of N rows an episode has N observations, and the action of the last row leads to none of
them: it is left out. In somebody else's, the task's sentence is the task's name, `next.reward` and
`next.success` are read where they are (0 and false where not), and the seed is None.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from polytask_contract.episodes import lerobot_layout as layout
from polytask_contract.episodes.episode import Episode, Picture
from polytask_contract.episodes.lerobot_layout import InvalidDataset
from polytask_contract.episodes.video import InvalidVideo, read_clips
from polytask_contract.errors import PolyTaskError, UnknownName

Row = Mapping[str, Any]

OTHER_FORMS = (AttributeError, KeyError, TypeError, ValueError)


def read_lerobot(
    root: Path, *, suite: str | None = None, camera: str | None = None
) -> Iterator[Episode]:
    """Yield the episodes of the dataset in the folder `root`, in its order.

    `suite` names the suite where the dataset does not; `camera` chooses one where there are
    several. Raise InvalidDataset where something is missing, torn or of another form, and
    UnknownName for a camera that there is not.
    """
    try:
        info = _info(root)
        key = _camera(root, info["features"], camera)
        period = 1 / info["fps"]
        rows = _episodes(root)
        for video, group in groupby(rows, lambda row: _video_path(root, info, row, key)):
            episodes = list(group)
            for row, pictures in zip(
                episodes, _pictures(video, episodes, key, period), strict=True
            ):
                yield _episode(root, info, row, pictures, suite)
    # What is read is somebody else's: each of these is a value or a table of another form.
    except (*OTHER_FORMS, pa.ArrowException, InvalidVideo) as error:
        missing = f"it has no {error}" if isinstance(error, KeyError) else error
        raise InvalidDataset(root, missing) from error


def _info(root: Path) -> dict[str, Any]:
    if not (root / layout.INFO).is_file():
        raise InvalidDataset(root, f"there is no {layout.INFO} in it")
    info: dict[str, Any] = json.loads((root / layout.INFO).read_text(encoding="utf-8"))
    if info.get("codebase_version") != layout.VERSION:
        found = info.get("codebase_version")
        raise InvalidDataset(root, f"its version is {found!r}; valid: {layout.VERSION!r}")
    if not info["fps"] > 0:
        raise InvalidDataset(root, f"its fps is {info['fps']}; valid: above 0")
    return info


def _camera(root: Path, features: Mapping[str, Any], camera: str | None) -> str | None:
    """Return the feature that holds the pictures, None where there are none."""
    prefix = layout.CAMERAS
    embedded = [name for name, feature in features.items() if feature["dtype"] == "image"]
    if embedded:
        raise InvalidDataset(root, f"{embedded[0]} is not a video, and only videos are read")
    videos = [name for name, feature in features.items() if feature["dtype"] == "video"]
    names = [name.removeprefix(prefix) for name in videos]
    if camera is None and len(videos) > 1:
        raise InvalidDataset(
            root, f"it has several cameras; name one (--camera): {', '.join(names)}"
        )
    if camera is None:
        return videos[0] if videos else None
    if camera not in names:
        raise UnknownName("camera", camera, names)
    return videos[names.index(camera)]


def _episodes(root: Path) -> list[Row]:
    paths = sorted((root / layout.EPISODES_FOLDER).glob("*/*.parquet"))
    if not paths:
        raise InvalidDataset(root, f"there is no table in {layout.EPISODES_FOLDER}")
    rows: list[Row] = []
    for path in paths:
        names = [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
        rows += pq.read_table(path, columns=names, partitioning=None).to_pylist()
    return rows


def _video_path(root: Path, info: Row, row: Row, key: str | None) -> Path | None:
    if key is None:
        return None
    place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
    return _inside(root, info["video_path"].format(video_key=key, **place))


def _pictures(
    video: Path | None, episodes: Sequence[Row], key: str | None, period: float
) -> Iterable[Picture | None]:
    """Return the pictures of episodes that lie in one video, or None for each without a video."""
    if video is None:
        return [None] * len(episodes)
    clips = [(row[f"videos/{key}/from_timestamp"], row["length"]) for row in episodes]
    return read_clips(video, clips, period)


def _inside(root: Path, name: str) -> Path:
    """Return a path that a dataset states, unless it leads out of the dataset."""
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise InvalidDataset(root, f"it names {name!r}, which is not in it")
    if not path.is_file():
        raise InvalidDataset(root, f"there is no {name} in it")
    return path


def _rows(root: Path, info: Row, row: Row) -> dict[str, NDArray[Any]]:
    """Return the columns of one episode."""
    place = {name: row[f"data/{name}"] for name in ("chunk_index", "file_index")}
    path = _inside(root, info["data_path"].format(**place))
    table = pq.read_table(
        path, filters=[("episode_index", "=", row["episode_index"])], partitioning=None
    )
    if table.num_rows != row["length"] or table.num_rows < 2:
        number, length = row["episode_index"], max(row["length"], 2)
        raise InvalidDataset(
            root, f"episode {number} has {table.num_rows} rows in {path.name}; valid: {length}"
        )
    return {name: _values(table[name]) for name in table.column_names}


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column as an array of (rows,), or (rows, size) where it holds lists."""
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        lists: NDArray[Any] = flat.reshape(len(column), -1)
        return lists
    return np.asarray(column.to_numpy())


def _episode(
    root: Path, info: Row, row: Row, pictures: Picture | None, suite: str | None
) -> Episode:
    columns = _rows(root, info, row)
    count = row["length"]
    ours = {name: row.get(layout.OURS + name) for name in ("suite", "source", "control_period")}
    suite = suite or ours["suite"]
    if suite is None:
        raise InvalidDataset(root, "it does not tell its suite; name one (--suite)")
    observations: dict[str, NDArray[Any]] = {"success": _successes(columns, row, count)}
    if layout.STATE in columns:
        observations["state"] = columns[layout.STATE].reshape(count, -1).astype(np.float32)
    if pictures is not None:
        observations["image"] = pictures
    try:
        return Episode(
            suite=suite,
            task=row["tasks"][0],
            seed=row.get(f"{layout.OURS}seed"),
            source=ours["source"] or "import",
            control_period=ours["control_period"] or 1 / info["fps"],
            observations=observations,
            actions=columns[layout.ACTION].reshape(count, -1)[:-1].astype(np.float32),
            rewards=_or(columns, layout.REWARD, np.zeros(count))[:-1].astype(np.float64),
            discounts=_or(columns, layout.DISCOUNT, np.ones(count))[:-1].astype(np.float64),
        )
    except PolyTaskError as error:
        raise InvalidDataset(root, f"episode {row['episode_index']}: {error}") from error


def _successes(columns: Mapping[str, NDArray[Any]], row: Row, count: int) -> NDArray[np.bool_]:
    after = _or(columns, layout.SUCCESS, np.zeros(count, bool))[:-1].astype(bool)
    return np.concatenate([[bool(row.get(layout.SUCCESS_AT_START))], after])


def _or(columns: Mapping[str, NDArray[Any]], name: str, default: NDArray[Any]) -> NDArray[Any]:
    return columns.get(name, default)
