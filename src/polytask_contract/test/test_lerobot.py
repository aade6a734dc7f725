"""A dataset is laid out as LeRobot documents it, and comes back as it went, pictures nearly so."""

import json
import os

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polytask_contract.durable import OutputExists
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.lerobot_export import export_lerobot
from polytask_contract.episodes.lerobot_import import read_lerobot
from polytask_contract.episodes.lerobot_layout import InvalidDataset
from polytask_contract.episodes.video import FOR_LEARNING, InvalidVideo, VideoWriter, read_clips
from polytask_contract.errors import UnknownName

CAMERA = "observation.images.camera"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"


def smooth(count, phase, size=(31, 48)):
    """Return pictures as a camera sees them: colours that change little from one to the next."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = [
        np.sin(rows / 9 + phase + step / 5 + colour) + np.cos(columns / 11 - step / 7)
        for step in range(count)
        for colour in range(3)
    ]
    pictures = np.stack(waves).reshape(count, 3, *size).transpose(0, 2, 3, 1)
    return np.round(127 + 60 * pictures).astype(np.uint8)


def recorded(episode, steps, task, seed, **without):
    random = np.random.default_rng(steps)
    observations = {
        "success": random.random(steps + 1) < 0.5,
        "state": random.normal(size=(steps + 1, 2)).astype(np.float32),
        "image": smooth(steps + 1, seed or 0),
    }
    return episode(
        task=task,
        seed=seed,
        observations={name: observations[name] for name in observations if name not in without},
        actions=random.uniform(-1, 1, (steps, 3)).astype(np.float32),
        rewards=random.normal(size=steps),
        discounts=np.append(np.ones(steps - 1), seed is None),
    )


@pytest.fixture
def episodes(episode):
    """Three episodes of two tasks, of different lengths."""
    return [
        recorded(episode, 7, "right", 2**64 - 1),
        recorded(episode, 1, "left", None),
        recorded(episode, 12, "right", 4),
    ]


@pytest.fixture
def dataset(episodes, tmp_path):
    assert export_lerobot(episodes, tmp_path / "dataset") == 3
    return tmp_path / "dataset"


def test_everything_but_the_pictures_comes_back_bit_for_bit(dataset, episodes, exactly):
    back = list(read_lerobot(dataset))
    assert len(back) == len(episodes)
    for was, came in zip(episodes, back, strict=True):
        scalars, arrays = exactly(came)
        image = came.observations["image"]
        assert image.shape == was.observations["image"].shape
        assert np.abs(image.astype(int) - was.observations["image"]).mean() < 2.0
        expected_scalars, expected = exactly(was)
        del arrays["image"], expected["image"]
        assert scalars == expected_scalars
        assert arrays == expected


@pytest.mark.parametrize("without", [{"image"}, {"state"}])
def test_episodes_without_pictures_or_states_do_too(episode, exactly, tmp_path, without):
    was = recorded(episode, 5, "right", 1, **dict.fromkeys(without))
    export_lerobot([was], tmp_path / "dataset")
    (came,) = read_lerobot(tmp_path / "dataset")
    assert set(came.observations) == set(was.observations)
    assert "image" in was.observations or exactly(came) == exactly(was)
    assert (tmp_path / "dataset" / "videos").exists() == ("image" in was.observations)


def test_the_layout_is_the_documented_one(dataset):
    files = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file()}
    assert files == {
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        EPISODES,
        DATA,
        VIDEO,
    }
    info = json.loads((dataset / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 8 + 2 + 13, 2)
    assert info["fps"] == 10
    assert isinstance(info["fps"], int)
    assert info["splits"] == {"train": "0:3"}
    place = {"chunk_index": 0, "file_index": 0}
    assert info["data_path"].format(**place) == DATA
    assert info["video_path"].format(video_key=CAMERA, **place) == VIDEO
    assert info["features"][CAMERA]["dtype"] == "video"
    assert info["features"][CAMERA]["shape"] == [31, 48, 3]
    assert info["features"]["action"] == {"dtype": "float32", "shape": [3], "names": None}
    schema = pq.read_schema(dataset / DATA)
    assert set(schema.names) == set(info["features"]) - {CAMERA}
    assert schema.field("action").type == pa.list_(pa.float32(), 3)
    assert schema.field("next.done").type == pa.bool_()
    for name in ("frame_index", "episode_index", "index", "task_index"):
        assert schema.field(name).type == pa.int64()


def test_rows_count_through_and_the_last_of_an_episode_leads_nowhere(dataset, episodes):
    rows = pq.read_table(dataset / DATA).to_pydict()
    assert rows["index"] == list(range(23))
    assert rows["frame_index"] == [*range(8), *range(2), *range(13)]
    assert rows["episode_index"] == [0] * 8 + [1] * 2 + [2] * 13
    assert rows["task_index"] == [0] * 8 + [1] * 2 + [0] * 13
    assert [at for at, done in enumerate(rows["next.done"]) if done] == [7, 9, 22]
    assert rows["action"][7] == rows["action"][6]
    assert rows["next.reward"][7] == 0.0
    assert np.allclose(rows["timestamp"], np.array(rows["frame_index"]) * 0.1)
    success = episodes[0].observations["success"]
    assert rows["next.success"][:8] == [*success[1:].tolist(), bool(success[-1])]


def test_the_tables_of_tasks_and_episodes_lead_to_the_rows(dataset):
    tasks = pq.read_table(dataset / "meta/tasks.parquet")
    assert tasks.to_pydict() == {"task_index": [0, 1], "task": ["right", "left"]}
    # LeRobot reads it with pandas, and takes a task's name from the index.
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    rows = pq.read_table(dataset / EPISODES).to_pylist()
    assert [row["tasks"] for row in rows] == [["right"], ["left"], ["right"]]
    assert [row["length"] for row in rows] == [8, 2, 13]
    assert [row["dataset_from_index"] for row in rows] == [0, 8, 10]
    assert [row["dataset_to_index"] for row in rows] == [8, 10, 23]
    starts = [row[f"videos/{CAMERA}/from_timestamp"] for row in rows]
    assert starts == pytest.approx([0, 0.8, 1.0])
    assert rows[0]["polytask.seed"] == 2**64 - 1
    assert rows[1]["polytask.seed"] is None


def test_the_video_shows_each_row_at_its_time(dataset):
    with av.open(str(dataset / VIDEO)) as video:
        stream = video.streams.video[0]
        assert stream.codec.canonical_name == "h264"
        times = [frame.time for frame in video.decode(stream)]
    assert times == pytest.approx([row * 0.1 for row in range(23)])


def test_statistics_are_those_of_all_rows(dataset, episodes):
    stats = json.loads((dataset / "meta/stats.json").read_text())
    states = np.concatenate([one.observations["state"] for one in episodes]).astype(float)
    for name, expected in (
        ("min", states.min(0)), ("max", states.max(0)),
        ("mean", states.mean(0)), ("std", states.std(0)), ("count", [23]),
    ):  # fmt: skip
        assert np.allclose(stats["observation.state"][name], expected)
    assert {"q01", "q10", "q50", "q90", "q99"} <= set(stats["action"])
    pictures = np.concatenate([one.observations["image"] for one in episodes]) / 255
    assert np.shape(stats[CAMERA]["mean"]) == (3, 1, 1)
    assert np.allclose(np.ravel(stats[CAMERA]["mean"]), pictures.mean((0, 1, 2)))
    assert np.allclose(np.ravel(stats[CAMERA]["std"]), pictures.std((0, 1, 2)))
    assert set(json.loads((dataset / "meta/info.json").read_text())["features"]) == set(stats)


@pytest.mark.parametrize("period", [0.025, 0.08, 1 / 30, 0.4])
def test_any_control_period_has_its_rate(episode, tmp_path, period):
    steps = 30
    was = episode(
        control_period=period,
        observations={"success": np.ones(steps + 1, bool), "image": smooth(steps + 1, 0)},
        actions=np.zeros((steps, 1), np.float32),
        rewards=np.zeros(steps),
        discounts=np.ones(steps),
    )
    export_lerobot([was, was], tmp_path / "dataset")
    info = json.loads((tmp_path / "dataset/meta/info.json").read_text())
    assert info["fps"] == pytest.approx(1 / period)
    for came in read_lerobot(tmp_path / "dataset"):
        assert came.control_period == period
        differences = came.observations["image"].astype(int) - was.observations["image"]
        assert np.abs(differences).mean() < 2.0


def test_export_never_overwrites_and_leaves_nothing_when_it_fails(episodes, episode, tmp_path):
    with pytest.raises(InvalidEpisode, match="0 episodes to export"):
        export_lerobot([], tmp_path / "dataset")
    other = recorded(episode, 3, "right", 1, image=None)
    with pytest.raises(InvalidEpisode, match=r"image of .* is None; valid: \(31, 48\)"):
        export_lerobot([*episodes, other], tmp_path / "dataset")
    elsewhere = recorded(lambda **fields: episode(**{**fields, "suite": "sea"}), 3, "right", 1)
    with pytest.raises(InvalidEpisode, match=r"suite of .* is 'sea'; valid: 'corridor'"):
        export_lerobot([*episodes, elsewhere], tmp_path / "dataset")
    assert os.listdir(tmp_path) == []
    (tmp_path / "dataset").mkdir()
    with pytest.raises(OutputExists, match="dataset exists already"):
        export_lerobot(episodes, tmp_path / "dataset")
    assert os.listdir(tmp_path / "dataset") == []


class TestForeign:
    """A dataset that LeRobot wrote itself, without our columns."""

    @pytest.fixture
    def foreign(self, dataset):
        table = pq.read_table(dataset / EPISODES)
        ours = [name for name in table.column_names if name.startswith("polytask.")]
        pq.write_table(table.drop_columns(ours), dataset / EPISODES)
        return dataset

    def test_it_is_read_under_the_name_of_a_suite(self, foreign, episodes):
        first = next(read_lerobot(foreign, suite="so101"))
        assert (first.suite, first.task, first.seed, first.source) == (
            "so101", "right", None, "import",
        )  # fmt: skip
        assert first.control_period == pytest.approx(0.1)
        assert np.array_equal(first.actions, episodes[0].actions)
        with pytest.raises(InvalidDataset, match="does not tell its suite"):
            next(read_lerobot(foreign))

    def test_a_camera_is_chosen_by_name(self, foreign):
        info = json.loads((foreign / "meta/info.json").read_text())
        info["features"]["observation.images.wrist"] = info["features"][CAMERA]
        (foreign / "meta/info.json").write_text(json.dumps(info))
        assert next(read_lerobot(foreign, suite="so101", camera="camera")).form.image == (31, 48)
        with pytest.raises(UnknownName, match="no camera 'nose'; valid: camera, wrist"):
            next(read_lerobot(foreign, suite="so101", camera="nose"))
        with pytest.raises(InvalidDataset, match=r"several cameras; name one .*: camera, wrist"):
            next(read_lerobot(foreign, suite="so101"))


class TestBroken:
    def changed(self, dataset, **changes):
        info = json.loads((dataset / "meta/info.json").read_text())
        (dataset / "meta/info.json").write_text(json.dumps({**info, **changes}))
        return dataset

    def test_a_folder_that_is_none(self, tmp_path):
        with pytest.raises(InvalidDataset, match=r"there is no meta/info\.json in it"):
            list(read_lerobot(tmp_path))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"codebase_version": "v2.1"}, r"its version is 'v2\.1'; valid: 'v3\.0'"),
            ({"fps": 0}, "its fps is 0"),
            ({"data_path": "../../{chunk_index}.parquet"}, "which is not in it"),
            ({"data_path": "data/{nothing}"}, "it has no 'nothing'"),
            ({"video_path": "videos/other.mp4"}, r"there is no videos/other\.mp4 in it"),
            ({"features": None}, "is not a LeRobot dataset"),
            ({"features": {"a": {"dtype": "image"}}}, "a is not a video, and only videos are read"),
        ],
    )
    def test_info_that_leads_nowhere(self, dataset, changes, message):
        with pytest.raises(InvalidDataset, match=message):
            list(read_lerobot(self.changed(dataset, **changes)))

    @pytest.mark.parametrize("name", ["meta/info.json", EPISODES, DATA, VIDEO])
    def test_a_file_that_is_cut_off_or_missing(self, dataset, name):
        whole = (dataset / name).read_bytes()
        for share in (0, 0.5, 0.97):
            (dataset / name).write_bytes(whole[: int(share * len(whole))])
            with pytest.raises(InvalidDataset):
                list(read_lerobot(dataset))
        (dataset / name).unlink()
        with pytest.raises(InvalidDataset, match="there is no"):
            list(read_lerobot(dataset))

    def test_rows_that_are_missing(self, dataset):
        table = pq.read_table(dataset / DATA)
        pq.write_table(table.slice(0, 20), dataset / DATA)
        with pytest.raises(InvalidDataset, match=r"episode 2 has 10 rows .*; valid: 13"):
            list(read_lerobot(dataset))

    def test_values_that_no_episode_has(self, dataset):
        table = pq.read_table(dataset / DATA)
        at = table.column_names.index("action")
        wild = pa.FixedSizeListArray.from_arrays(pa.array(np.full(69, 9, np.float32)), 3)
        pq.write_table(table.set_column(at, "action", wild), dataset / DATA)
        with pytest.raises(InvalidDataset, match=r"episode 0: value \[0, 0\] of actions is 9\.0"):
            list(read_lerobot(dataset))


def test_a_video_that_ends_early_is_found(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", (31, 48), 0.1, FOR_LEARNING) as video:
        for picture in smooth(5, 0):
            video.write(picture)
    assert [len(one) for one in read_clips(tmp_path / "a.mp4", [(0.1, 2), (0.4, 1)], 0.1)] == [2, 1]
    with pytest.raises(InvalidVideo, match=r"a\.mp4 ends 2 pictures after 0\.300 s; valid: 3"):
        list(read_clips(tmp_path / "a.mp4", [(0.3, 3)], 0.1))
