"""Episodes as a LeRobot dataset of version 3.0; `lerobot_layout` says what goes where."""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from polytask_contract.durable import new_folder
from polytask_contract.episodes import lerobot_layout as layout
from polytask_contract.episodes import lerobot_stats
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.video import CODEC_NAME, FOR_LEARNING, VideoWriter

CAMERA = f"{layout.CAMERAS}camera"
# How pandas, which LeRobot reads its tasks with, is told that the names are the index.
PANDAS = {
    "index_columns": ["task"],
    "column_indexes": [],
    "columns": [
        {
            "name": name,
            "field_name": name,
            "pandas_type": kind,
            "numpy_type": type_,
            "metadata": None,
        }
        for name, kind, type_ in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ],
    "pandas_version": "2.0.0",
}


def export_lerobot(episodes: Iterable[Episode], output: Path) -> int:
    """Write `episodes` as the dataset `output`, which must not exist; return how many they were.

    They must be of one suite, and of the same sizes and control period: else InvalidEpisode is
    raised, as for no episodes at all, and nothing is written. Pictures are compressed and lose a
    little by it; everything else stays bit for bit.
    """
    with new_folder(output) as folder, ExitStack() as open_files:
        dataset: _Dataset | None = None
        for episode in episodes:
            dataset = dataset or _Dataset(folder, episode, open_files)
            dataset.add(episode)
        if dataset is None:
            raise InvalidEpisode("there are 0 episodes to export; valid: at least 1")
        open_files.close()
        dataset.write_meta()
    return dataset.count


class _Dataset:
    """A dataset that grows by one episode at a time, one file of rows and one of pictures."""

    def __init__(self, folder: Path, first: Episode, open_files: ExitStack) -> None:
        self._folder = folder
        self._first = first
        self._tasks: dict[str, int] = {}
        self._rows = 0
        self._episodes: list[dict[str, Any]] = []
        self._stats: list[dict[str, lerobot_stats.Stats]] = []
        self._features = _features(first)
        self._schema = pa.schema(
            {
                name: _arrow_type(feature)
                for name, feature in self._features.items()
                if feature["dtype"] != "video"
            }
        )
        place = _made(folder / layout.DATA_PATH.format(chunk_index=0, file_index=0))
        self._table = open_files.enter_context(pq.ParquetWriter(place, self._schema))
        self._video: VideoWriter | None = None
        if first.form.image:
            name = layout.VIDEO_PATH.format(video_key=CAMERA, chunk_index=0, file_index=0)
            writer = VideoWriter(
                _made(folder / name), first.form.image, first.control_period, FOR_LEARNING
            )
            self._video = open_files.enter_context(writer)

    @property
    def count(self) -> int:
        return len(self._episodes)

    def add(self, episode: Episode) -> None:
        whose = f"an episode of {episode.suite} {episode.task}"
        episode.form.check(self._first.form, f"{whose}, to be in one dataset with others,")
        index = self._tasks.setdefault(episode.task, len(self._tasks))
        rows = _rows(episode, len(self._episodes), self._rows, index)
        columns = [_arrow_column(rows[field.name], field.type) for field in self._schema]
        self._table.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        stats = {name: lerobot_stats.of_rows(values) for name, values in rows.items()}
        if self._video is not None:
            for picture in episode.observations["image"]:
                self._video.write(picture)
            stats[CAMERA] = lerobot_stats.of_pictures(episode.observations["image"])
        self._stats.append(stats)
        self._episodes.append(self._described(episode, stats))
        self._rows += len(episode) + 1

    def write_meta(self) -> None:
        tasks = pa.table({"task_index": list(self._tasks.values()), "task": list(self._tasks)})
        tasks = tasks.replace_schema_metadata({"pandas": json.dumps(PANDAS)})
        pq.write_table(tasks, _made(self._folder / layout.TASKS))
        table = pa.Table.from_pylist(self._episodes, schema=self._episodes_schema())
        pq.write_table(table, _made(self._folder / layout.EPISODES_FILE))
        overall = {
            name: lerobot_stats.of_all([stats[name] for stats in self._stats])
            for name in self._stats[0]
        }
        stats = {
            name: {key: values.tolist() for key, values in of.items()}
            for name, of in overall.items()
        }
        for path, content in ((layout.STATS, stats), (layout.INFO, self._info())):
            (self._folder / path).write_text(json.dumps(content, indent=4), encoding="utf-8")

    def _described(self, episode: Episode, stats: dict[str, lerobot_stats.Stats]) -> dict[str, Any]:
        number, rows = len(self._episodes), len(episode) + 1
        described: dict[str, Any] = {
            "episode_index": number,
            "tasks": [episode.task],
            "length": rows,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": self._rows,
            "dataset_to_index": self._rows + rows,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        if self._video is not None:
            video = f"videos/{CAMERA}/"
            described |= {f"{video}chunk_index": 0, f"{video}file_index": 0}
            described[f"{video}from_timestamp"] = self._rows * episode.control_period
            described[f"{video}to_timestamp"] = (self._rows + rows) * episode.control_period
        for name in ("suite", "seed", "source", "control_period"):
            described[layout.OURS + name] = getattr(episode, name)
        described[layout.SUCCESS_AT_START] = bool(episode.observations["success"][0])
        for name, of in stats.items():
            described |= {f"stats/{name}/{key}": values.tolist() for key, values in of.items()}
        return described

    def _episodes_schema(self) -> pa.Schema:
        # A seed has 64 bits without a sign, and may be missing in every episode.
        seed = pa.field(f"{layout.OURS}seed", pa.uint64())
        guessed = pa.Table.from_pylist([{**row, seed.name: None} for row in self._episodes]).schema
        return guessed.set(guessed.get_field_index(seed.name), seed)

    def _info(self) -> dict[str, Any]:
        return {
            "codebase_version": layout.VERSION,
            "robot_type": self._first.suite,
            "total_episodes": len(self._episodes),
            "total_frames": self._rows,
            "total_tasks": len(self._tasks),
            "chunks_size": layout.CHUNKS_SIZE,
            "data_files_size_in_mb": layout.DATA_MEGABYTES,
            "video_files_size_in_mb": layout.VIDEO_MEGABYTES,
            "fps": layout.frames_per_second(self._first.control_period),
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH if self._video else None,
            "features": self._features,
        }


def _rows(episode: Episode, number: int, first_row: int, task: int) -> dict[str, NDArray[Any]]:
    count = len(episode) + 1
    frames = np.arange(count)
    success = episode.observations["success"]
    columns: dict[str, NDArray[Any]] = {
        layout.ACTION: np.concatenate([episode.actions, episode.actions[-1:]]),
        layout.REWARD: np.append(episode.rewards, 0.0),
        layout.DISCOUNT: np.append(episode.discounts, episode.discounts[-1]),
        layout.DONE: frames == count - 1,
        layout.SUCCESS: np.append(success[1:], success[-1]),
        "timestamp": (frames * episode.control_period).astype(np.float32),
        "frame_index": frames,
        "episode_index": np.full(count, number),
        "index": first_row + frames,
        "task_index": np.full(count, task),
    }
    if "state" in episode.observations:
        columns[layout.STATE] = episode.observations["state"]
    return columns


def _features(episode: Episode) -> dict[str, dict[str, Any]]:
    def feature(dtype: str, size: int = 1) -> dict[str, Any]:
        return {"dtype": dtype, "shape": [size], "names": None}

    form = episode.form
    features = {
        layout.ACTION: feature("float32", form.action_size),
        layout.REWARD: feature("float64"),
        layout.DISCOUNT: feature("float64"),
        layout.DONE: feature("bool"),
        layout.SUCCESS: feature("bool"),
        "timestamp": feature("float32"),
        **{name: feature("int64") for name in ("frame_index", "episode_index", "index")},
        "task_index": feature("int64"),
    }
    if form.state_size:
        features[layout.STATE] = feature("float32", form.state_size)
    if form.image:
        rows, columns = form.image
        features[CAMERA] = {
            "dtype": "video",
            "shape": [rows, columns, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": rows,
                "video.width": columns,
                "video.codec": CODEC_NAME,
                "video.pix_fmt": FOR_LEARNING.pixels,
                "video.is_depth_map": False,
                "video.fps": layout.frames_per_second(form.control_period),
                "video.channels": 3,
                "has_audio": False,
            },
        }
    return features


def _arrow_type(feature: dict[str, Any]) -> pa.DataType:
    kinds = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64()}
    kind = kinds.get(feature["dtype"], pa.bool_())
    (size,) = feature["shape"]
    return kind if size == 1 else pa.list_(kind, size)


def _arrow_column(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
    return flat


def _made(path: Path) -> Path:
    """Return `path`, with the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
