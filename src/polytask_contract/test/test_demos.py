"""`polytask demos` keeps what ends in success, shows it and hands it on, or says why not."""

import os
from dataclasses import replace

import av
import h5py
import numpy as np
import pytest
from PIL import Image

from polytask_contract.cli import command, demos_show
from polytask_contract.episodes import collect
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.store import EpisodeStore, episode_paths

pytestmark = pytest.mark.usefixtures("corridor_suite")


def demos(*words):
    return command.main(["demos", *map(str, words)])


def refused(capsys, *words):
    """Return the one sentence, and the status, with which a command line is refused."""
    capsys.readouterr()
    try:
        status = demos(*words)
    except SystemExit as end:
        return end.code, capsys.readouterr().err.splitlines()[-1]
    (sentence,) = capsys.readouterr().err.splitlines()
    return status, sentence


def collected(store, *words):
    assert (
        demos("collect", "--suite", "corridor", "--task", "right", "--output", store, *words) == 0
    )
    return [read_episode(path) for path in EpisodeStore(store).paths("corridor", "right")]


@pytest.fixture
def store(tmp_path):
    """A store with two demonstrations."""
    collected(tmp_path / "store", "--count", 2, "--image", "20x24")
    return tmp_path / "store"


class TestCollect:
    def test_keeps_what_ends_in_success_and_reports(self, tmp_path, capsys):
        made = collected(tmp_path, "--count", 3, "--seed", 5, "--image", "20x24")
        assert [one.seed for one in made] == [5, 6, 7]
        assert all(one.successes[-collect.HOLD :] == [True] * collect.HOLD for one in made)
        assert all(one.form.image == (20, 24) for one in made)
        lines = capsys.readouterr().out.splitlines()
        assert lines[-2].split() == ["task", "collected", "attempts", "steps"]
        assert lines[-1].split() == ["right", "3", "3", str(sum(map(len, made)))]

    def test_called_again_adds_new_ones(self, tmp_path):
        collected(tmp_path, "--count", 2)
        assert [one.seed for one in collected(tmp_path, "--count", 2)] == [0, 1, 2, 3]

    def test_can_leave_pictures_or_states_out(self, tmp_path):
        (blind,) = collected(tmp_path / "a", "--image", "none")
        (picture_only,) = collected(tmp_path / "b", "--no-state")
        (without_goal,) = collected(tmp_path / "c", "--no-goal", "--image", "none", "--hold", 3)
        assert set(blind.observations) == {"success", "state"}
        assert set(picture_only.observations) == {"success", "image"}
        assert without_goal.successes[-4:] == [False, True, True, True]

    @pytest.mark.parametrize(
        ("words", "status", "message"),
        [
            (["--suite", "cave"], 1, "polytask: there is no suite 'cave'; valid: corridor"),
            (["--task", "up"], 1, "polytask: there is no task 'up'; valid: left, right"),
            (["--task", "right", "up"], 1, "there is no task 'up'; valid: left, right"),
            (["--task", "all"], 1, "polytask: corridor has no scripted policy for 'left'"),
            (["--count", "0"], 2, "argument --count: 0 is not valid; valid: 1 or more"),
            (["--count", "x"], 2, "argument --count: 'x' is not a whole number"),
            (["--hold", "0"], 2, "argument --hold: 0 is not valid; valid: 1 or more"),
            (["--seed", "-1"], 2, "argument --seed: -1 is not valid; valid: 0 to 2**64 - 1"),
            (["--seed", str(2**64)], 2, f"{2**64} is not valid; valid: 0 to 2**64 - 1"),
            (["--image", "84"], 2, "'84' is not valid; valid: ROWSxCOLUMNS, as 84x84"),
            (["--image", "0x8"], 2, "'0x8' is not valid; valid: ROWSxCOLUMNS, as 84x84"),
            (["--image", "none", "--no-state"], 1, "neither state nor image is asked for"),
            (["--what"], 2, "unrecognized arguments: --what"),
        ],
    )  # fmt: skip
    def test_refuses_before_anything_is_written(self, tmp_path, capsys, words, status, message):
        valid = ["--suite", "corridor", "--task", "right", "--output", tmp_path / "store"]
        found, sentence = refused(capsys, "collect", *valid, *words)
        assert found == status
        assert message in sentence
        assert not (tmp_path / "store").exists()

    def test_refuses_other_sizes_beside_what_is_there(self, store, capsys):
        words = ["--suite", "corridor", "--task", "right", "--output", store, "--image", "9x9"]
        status, sentence = refused(capsys, "collect", *words)
        assert status == 1
        assert "image of what is to be added beside" in sentence
        assert sentence.endswith("is (9, 9); valid: (20, 24)")
        assert len(episode_paths([store])) == 2

    def test_a_script_that_fails_is_told_and_counted(self, tmp_path, capsys):
        words = ["--suite", "corridor", "--task", "right", "--output", tmp_path, "--hold", "60"]
        assert demos("collect", *words) == 1
        output = capsys.readouterr().out
        assert "corridor right: seed 0 did not succeed" in output
        assert (
            f"{collect.PATIENCE} of {collect.PATIENCE} attempts at corridor right failed" in output
        )
        assert os.listdir(tmp_path) == []


class TestShow:
    def test_writes_a_contact_sheet_and_a_video(self, store, tmp_path, capsys):
        assert demos("show", store, "--output", tmp_path / "shown") == 0
        assert f"{tmp_path / 'shown' / 'contact_sheet.png'}\n" in capsys.readouterr().out
        with Image.open(tmp_path / "shown" / "contact_sheet.png") as sheet:
            # Six enlarged pictures to a row, and two rows.
            assert sheet.width > 6 * 9 * 24
            assert sheet.height > 2 * 9 * 20
        with av.open(str(tmp_path / "shown" / "episodes.mp4")) as video:
            stream = video.streams.video[0]
            assert (stream.codec.canonical_name, stream.pix_fmt) == ("h264", "yuv420p")
            assert stream.height % 2 == stream.width % 2 == 0
            lengths = [len(read_episode(path)) + 1 for path in episode_paths([store])]
            assert sum(1 for _ in video.decode(stream)) == sum(lengths) + 2 * 10

    def test_the_last_picture_of_a_row_is_marked_as_the_goal(self, store, tmp_path):
        assert demos("show", episode_paths([store])[0], "--output", tmp_path) == 0
        with Image.open(tmp_path / "contact_sheet.png") as sheet:
            page = np.asarray(sheet)
        green = np.argwhere((page == (120, 220, 120)).all(axis=-1))
        assert green[:, 1].min() > page.shape[1] * 0.8

    def test_a_last_picture_without_success_is_no_goal(self, store, tmp_path):
        episode = read_episode(episode_paths([store])[0])
        failed = dict(episode.observations, success=np.zeros(len(episode) + 1, bool))
        path = EpisodeStore(tmp_path / "failed").add(replace(episode, observations=failed))
        assert demos("show", path, "--output", tmp_path) == 0
        with Image.open(tmp_path / "contact_sheet.png") as sheet:
            assert not (np.asarray(sheet) == (120, 220, 120)).all(axis=-1).any()

    def test_lives_an_episode_again_at_any_size(self, tmp_path):
        collected(tmp_path / "store", "--image", "none")
        assert demos("show", tmp_path / "store", "--size", "60x81", "--output", tmp_path) == 0
        with av.open(str(tmp_path / "episodes.mp4")) as video:
            assert video.streams.video[0].width == 3 * 81 + 1

    def test_refuses_what_cannot_be_shown(self, tmp_path, capsys):
        collected(tmp_path / "store", "--image", "none")
        place = ["--output", tmp_path / "shown"]
        status, sentence = refused(capsys, "show", tmp_path / "store", *place)
        assert status == 1
        assert sentence.endswith("000000.safetensors has no pictures; --size 480x640 makes some")
        for path, message in (
            (tmp_path / "nowhere", "nowhere does not exist"),
            (tmp_path / "shown", "shown does not exist"),
        ):
            status, sentence = refused(capsys, "show", path, *place)
            assert (status, message in sentence) == (1, True)
        assert not (tmp_path / "shown").exists()

    def test_refuses_more_than_a_page(self, store, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(demos_show, "MOST", 1)
        status, sentence = refused(capsys, "show", store, "--output", tmp_path / "shown")
        assert (status, sentence) == (
            2, "polytask: 2 episodes are too many to show; valid: 1 to 1",
        )  # fmt: skip

    def test_refuses_a_broken_file_and_writes_nothing(self, store, tmp_path, capsys):
        path = episode_paths([store])[1]
        path.write_bytes(path.read_bytes()[:-9])
        status, sentence = refused(capsys, "show", store, "--output", tmp_path / "shown")
        assert status == 1
        assert "000001.safetensors is not a whole episode" in sentence
        assert not (tmp_path / "shown").exists()


class TestExchange:
    def test_lerobot_there_and_back(self, store, tmp_path, capsys):
        assert demos("export", store, "--output", tmp_path / "set") == 0
        assert (
            demos("import", "--format", "lerobot", tmp_path / "set", "--output", tmp_path / "b")
            == 0
        )
        assert "2 episodes added" in capsys.readouterr().out
        places = (episode_paths([store]), episode_paths([tmp_path / "b"]))
        for was, came in zip(*(map(read_episode, paths) for paths in places), strict=True):
            assert (was.seed, was.source, was.successes) == (came.seed, came.source, came.successes)
            assert np.array_equal(was.actions, came.actions)
        status, sentence = refused(capsys, "export", store, "--output", tmp_path / "set")
        assert (status, "set exists already" in sentence) == (1, True)

    def test_a_broken_source_among_good_ones_imports_nothing(self, store, tmp_path, capsys):
        assert demos("export", store, "--output", tmp_path / "good") == 0
        assert demos("export", store, "--output", tmp_path / "torn") == 0
        (video,) = (tmp_path / "torn").rglob("*.mp4")
        video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
        words = ["--format", "lerobot", tmp_path / "good", tmp_path / "torn"]
        status, sentence = refused(capsys, "import", *words, "--output", tmp_path / "new")
        assert (status, "torn is not a LeRobot dataset" in sentence) == (1, True)
        assert not (tmp_path / "new").exists()

    def test_long_play_becomes_demonstrations(self, tmp_path, capsys):
        actions = np.repeat([1.0, 0.0, -1.0, 0.0], [16, 3, 20, 9])[:, None]
        with h5py.File(tmp_path / "play.hdf5", "w") as file:
            file["actions"] = np.concatenate([actions, np.zeros_like(actions)])
            file["observations"] = np.zeros((96, 3))
            file["terminals"] = np.arange(96) % 48 == 47
        words = ["--format", "d4rl", tmp_path / "play.hdf5", "--output", tmp_path / "store"]
        status, sentence = refused(capsys, "import", *words)
        assert (status, sentence) == (
            2, "polytask: --format d4rl needs --suite, to roll the actions out in",
        )  # fmt: skip
        assert demos("import", *words, "--suite", "corridor", "--image", "8x8") == 0
        output = capsys.readouterr().out
        assert "recording 0, 48 steps: right, left\n" in output
        assert "recording 1, 48 steps: no task accomplished\n" in output
        made = [read_episode(path) for path in episode_paths([tmp_path / "store"])]
        assert [one.task for one in made] == ["left", "right"]
        assert all(one.observations["success"][-1] for one in made)

    def test_play_of_other_sizes_is_refused(self, tmp_path, capsys):
        with h5py.File(tmp_path / "play.hdf5", "w") as file:
            file["actions"] = np.zeros((5, 9))
            file["observations"] = np.zeros((5, 60))
            file["terminals"] = np.zeros(5)
        words = ["--format", "d4rl", tmp_path / "play.hdf5", "--suite", "corridor"]
        status, sentence = refused(capsys, "import", *words, "--output", tmp_path / "store")
        assert (status, "actions are (5, 9); valid: (steps, 1)" in sentence) == (1, True)
        assert not (tmp_path / "store").exists()

    def test_an_unknown_format_names_the_valid_ones(self, store, tmp_path, capsys):
        words = ["--format", "pickle", store, "--output", tmp_path / "x"]
        for verb in ("export", "import"):
            status, sentence = refused(capsys, verb, *words)
            assert (status, "invalid choice: 'pickle' (choose from" in sentence) == (2, True)
