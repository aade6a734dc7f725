"""Long play is cut where tasks are accomplished, and only whole D4RL files are read."""

import h5py
import numpy as np
import pytest

from polytask_contract.episodes.d4rl import read_plays
from polytask_contract.episodes.segment import InvalidPlay, Play, segment

# From anywhere in the middle to the right end, rest there, to the left end, rest there.
THERE_AND_BACK = np.repeat([1.0, 0.0, -1.0, 0.0], [16, 3, 20, 9])[:, None].astype(np.float32)


def write(path, **columns):
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values
    return path


def d4rl_columns(steps=12, ends=(4, 9)):
    flags = np.zeros(steps, bool)
    flags[list(ends)] = True
    return {
        "observations": np.zeros((steps, 5), np.float32),
        "actions": np.linspace(-1, 1, steps, dtype=np.float32)[:, None],
        "rewards": np.zeros(steps, np.float32),
        "terminals": flags,
        "timeouts": np.zeros(steps, bool),
    }


class TestSegment:
    def test_a_snippet_goes_from_one_completion_to_the_next_and_holds(self, corridor):
        right, left = segment(Play(THERE_AND_BACK), corridor("left"), seed=2, hold=4)
        assert (right.task, left.task) == ("right", "left")
        for snippet in (right, left):
            assert snippet.seed is None
            assert snippet.source == "play"
            assert snippet.observations["success"][-1]
            assert snippet.rewards.sum() == 1.0
            first = int(np.flatnonzero(snippet.rewards)[0])
            assert snippet.successes.index(True) == first
            assert 1 <= len(snippet) - first <= 4
        # The second begins where the first was accomplished, in the very same state.
        moment = right.successes.index(True) + 1
        assert right.observations["state"][moment] == left.observations["state"][0]
        assert left.observations["success"][0] == False  # noqa: E712
        assert np.array_equal(right.observations["image"][moment], left.observations["image"][0])

    def test_its_steps_are_those_of_the_roll_out(self, corridor):
        environment = corridor()
        states = [environment.reset(2).observation["state"]]
        states += [environment.step(action).observation["state"] for action in THERE_AND_BACK]
        right, left = segment(Play(THERE_AND_BACK), corridor(), seed=2, hold=4)
        start = right.successes.index(True) + 1
        assert np.array_equal(right.observations["state"], states[: len(right) + 1])
        assert np.array_equal(left.observations["state"], states[start : start + len(left) + 1])
        assert np.array_equal(left.actions, THERE_AND_BACK[start : start + len(left)])

    def test_success_that_ends_early_ends_the_snippet(self, corridor):
        away_at_once = np.concatenate([np.full((16, 1), 1.0), np.full((20, 1), -1.0)])
        snippets = segment(Play(away_at_once.astype(np.float32)), corridor(), seed=2, hold=50)
        assert all(snippet.observations["success"][-1] for snippet in snippets)
        assert all(len(snippet) < 36 for snippet in snippets)

    def test_a_task_counts_once_and_not_when_a_reset_gives_it(self, corridor):
        back_and_forth = Play(np.concatenate([THERE_AND_BACK, THERE_AND_BACK]))
        environment = corridor(length=200)
        assert [one.task for one in segment(back_and_forth, environment, seed=2)] == [
            "right",
            "left",
        ]
        begin = environment.begin

        def begin_at_the_right(random):
            begin(random)
            environment.place = 1.0
            return environment.observe()

        environment.begin = begin_at_the_right
        assert [one.task for one in segment(back_and_forth, environment, seed=2)] == ["left"]

    def test_tasks_of_one_step_begin_together(self, corridor):
        environment = corridor(length=200)
        environment.accomplished = lambda: (
            frozenset(("left", "right")) if environment.place > 0.9 else frozenset()
        )
        one, other = segment(Play(THERE_AND_BACK), environment, seed=2, hold=3)
        assert len(one) == len(other)
        assert one.rewards.tolist() == other.rewards.tolist()

    def test_play_without_success_gives_nothing(self, corridor):
        assert segment(Play(np.zeros((9, 1), np.float32)), corridor(), seed=2) == []
        assert segment(Play(np.zeros((0, 1), np.float32)), corridor(), seed=2) == []

    def test_what_does_not_fit_is_refused(self, corridor, plain_corridor):
        with pytest.raises(InvalidPlay, match=r"actions are \(9, 2\); valid: \(steps, 1\)"):
            segment(Play(np.zeros((9, 2), np.float32)), corridor(), seed=2)
        with pytest.raises(InvalidPlay, match="'corridor' does not tell which of its tasks"):
            segment(Play(THERE_AND_BACK), plain_corridor, seed=2)


class TestD4rl:
    @pytest.mark.parametrize("without", [[], ["rewards"], ["timeouts"]])
    def test_one_recording_ends_at_each_terminal(self, tmp_path, without):
        columns = d4rl_columns()
        for name in without:
            del columns[name]
        plays = read_plays(write(tmp_path / "a.hdf5", **columns))
        assert [len(play.actions) for play in plays] == [5, 5, 2]
        assert np.array_equal(np.concatenate([p.actions for p in plays]), columns["actions"])

    def test_timeouts_end_recordings_too(self, tmp_path):
        columns = d4rl_columns(ends=(11,))
        columns["timeouts"][2] = True
        plays = read_plays(write(tmp_path / "a.hdf5", **columns))
        assert [len(play.actions) for play in plays] == [3, 9]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"actions": None}, "valid: actions and observations, and terminals or timeouts"),
            ({"terminals": None, "timeouts": None}, "valid: .*and terminals or timeouts"),
            ({"actions": np.zeros(12)}, r"actions in .* are \(12,\); valid: \(12, size\)"),
            ({"observations": np.zeros((11, 5))}, r"observations in .* are \(11, 5\)"),
            ({"terminals": np.zeros(13)}, r"terminals in .* are \(13,\); valid: \(12\)"),
            ({"actions": np.full((12, 1), np.nan)}, r"value \[0, 0\] of actions .* not finite"),
            ({"actions": np.array([b"text"] * 12)}, "has .*valid: actions and"),
            ({"actions": np.float32(1)}, r"actions in .* are \(\)"),
            ({"actions": np.zeros((0, 1))}, r"actions in .* are \(0, 1\)"),
        ],
    )
    def test_other_contents_are_refused(self, tmp_path, changes, message):
        columns = {**d4rl_columns(), **changes}
        path = write(tmp_path / "a.hdf5", **{n: v for n, v in columns.items() if v is not None})
        with pytest.raises(InvalidPlay, match=message):
            read_plays(path)

    def test_a_file_that_is_cut_off_or_none_is_refused(self, tmp_path):
        path = write(tmp_path / "a.hdf5", **d4rl_columns(2000, (999,)))
        whole = path.read_bytes()
        for length in np.linspace(0, len(whole) - 1, 12, dtype=int):
            path.write_bytes(whole[:length])
            with pytest.raises(InvalidPlay, match=r"a\.hdf5 is not a whole HDF5 file"):
                read_plays(path)
        with pytest.raises(FileNotFoundError):
            read_plays(tmp_path / "missing.hdf5")
