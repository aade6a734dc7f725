"""What was added is there, bit for bit, whatever happens to the writer; what is broken is found."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from polytask_contract import durable
from polytask_contract.episodes.episode_file import (
    BrokenEpisode,
    read_episode,
    read_scalars,
    to_bytes,
)
from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.episodes.store import EpisodeStore, NoEpisodes, episode_paths

WRITER = """
import sys
from pathlib import Path
import numpy as np
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.store import EpisodeStore

store = EpisodeStore(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    steps = 20
    store.add(Episode(
        suite="corridor", task="right", seed=number, source="script", control_period=0.1,
        observations={
            "success": np.ones(steps + 1, bool),
            "image": np.full((steps + 1, 84, 84, 3), number % 256, np.uint8),
        },
        actions=np.zeros((steps, 1), np.float32), rewards=np.zeros(steps), discounts=np.ones(steps),
    ))
    print(number, flush=True)
"""


def writer(root, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), str(count)], stdout=subprocess.PIPE, text=True
    )


def finished(running):
    """Wait for a writer and return its exit status."""
    running.communicate(timeout=60)
    return running.returncode


def test_what_was_added_reads_back_bit_for_bit(episode, exactly, tmp_path):
    store = EpisodeStore(tmp_path / "new" / "store")
    for made in (episode(), episode(seed=None, task="pick it up, please"), episode(source="play")):
        assert exactly(read_episode(store.add(made))) == exactly(made)
    assert [path.name for path in store.paths("corridor", "right")] == [
        "000000.safetensors",
        "000001.safetensors",
    ]
    assert len(list(store.episodes("corridor", "right"))) == 2
    assert store.seeds("corridor", "right") == {2**64 - 1}
    assert store.paths("corridor", "unheard of") == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), steps=st.integers(1, 6), size=st.integers(1, 4))
def test_any_numbers_survive(episode, exactly, tmp_path_factory, data, steps, size):
    finite = {"allow_nan": False, "allow_infinity": False}
    actions = st.floats(-1, 1, width=32)
    made = episode(
        observations={
            "success": data.draw(arrays.arrays(np.bool_, steps + 1)),
            "state": data.draw(
                arrays.arrays(np.float32, (steps + 1, size), elements=st.floats(width=32, **finite))
            ),
        },
        actions=data.draw(arrays.arrays(np.float32, (steps, size), elements=actions)),
        rewards=data.draw(arrays.arrays(np.float64, steps, elements=st.floats(**finite))),
        discounts=np.ones(steps),
        control_period=data.draw(st.floats(1e-9, 1e9)),
    )
    path = tmp_path_factory.mktemp("any") / "000000.safetensors"
    path.write_bytes(to_bytes(made))
    assert exactly(read_episode(path)) == exactly(made)


def test_the_same_episode_has_the_same_bytes_in_every_process(episode, tmp_path):
    for root in ("a", "b"):
        assert finished(writer(tmp_path / root, 1)) == 0
    files = [path.read_bytes() for path in sorted(tmp_path.rglob("*.safetensors"))]
    assert len(files) == 2
    assert files[0] == files[1]
    assert to_bytes(episode()) == to_bytes(episode())
    assert to_bytes(episode()) != to_bytes(episode(seed=1))


def test_a_file_cut_off_anywhere_is_refused(episode, tmp_path):
    whole = to_bytes(episode())
    path = tmp_path / "000000.safetensors"
    for length in [*range(0, 12, 3), *np.linspace(12, len(whole) - 1, 20, dtype=int)]:
        path.write_bytes(whole[:length])
        with pytest.raises(BrokenEpisode, match=r"000000\.safetensors is not a whole episode"):
            read_episode(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(BrokenEpisode):
        read_episode(path)


def test_any_flipped_byte_is_found(episode, tmp_path):
    whole = to_bytes(episode())
    path = tmp_path / "000000.safetensors"
    for place in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        with pytest.raises(BrokenEpisode):
            read_episode(path)


def test_a_file_of_another_kind_or_format_is_refused(episode, tmp_path, monkeypatch):
    path = tmp_path / "000000.safetensors"
    path.write_bytes(b"\x80\x04\x95 a pickle, which nobody opens")
    with pytest.raises(BrokenEpisode, match="does not begin with the length of a header"):
        read_episode(path)
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(BrokenEpisode, match="states no checksum"):
        read_episode(path)
    with pytest.raises(BrokenEpisode, match="was not written by PolyTask"):
        read_scalars(path)
    monkeypatch.setattr("polytask_contract.episodes.episode_file.FORMAT", 2)
    path.write_bytes(to_bytes(episode()))
    monkeypatch.undo()
    with pytest.raises(BrokenEpisode, match="its format is 2; valid: 1"):
        read_episode(path)


def test_a_killed_writer_leaves_only_whole_episodes(tmp_path):
    seen = 0
    for kill in range(5):
        running = writer(tmp_path, 10_000)
        for _ in range(3 + kill):
            running.stdout.readline()
        time.sleep(0.003 * kill)
        running.send_signal(signal.SIGKILL)
        acknowledged = running.communicate(timeout=30)[0].count("\n") + 3 + kill
        store = EpisodeStore(tmp_path)
        whole = [read_episode(path).seed for path in store.paths("corridor", "right")]
        # What was acknowledged is there; the one in flight may be, too.
        assert acknowledged <= len(whole) - seen <= acknowledged + 1
        seen = len(whole)
    assert [path.stem for path in store.paths("corridor", "right")] == [
        f"{number:06d}" for number in range(seen)
    ]


def test_what_a_killed_writer_left_is_ignored(episode, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    store = EpisodeStore(tmp_path)
    store.add(episode())
    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", killed)
        patch.setattr(durable.Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed):
            store.add(episode())
    (left,) = [path for path in store._folder("corridor", "right").iterdir() if path.name[0] == "."]
    assert left.name.endswith(durable.PARTIAL)
    assert len(episode_paths([tmp_path])) == 1
    assert store.add(episode()).stem == "000001"


def test_writers_at_once_never_overwrite_each_other(tmp_path):
    writers = [writer(tmp_path, 12) for _ in range(3)]
    assert [finished(one) for one in writers] == [0, 0, 0]
    seeds = sorted(one.seed for one in EpisodeStore(tmp_path).episodes("corridor", "right"))
    assert seeds == sorted([*range(12)] * 3)


def test_threads_of_one_process_do_neither(episode, tmp_path):
    store = EpisodeStore(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda seed: store.add(episode(seed=seed)), range(24)))
    assert len(set(paths)) == 24
    assert store.seeds("corridor", "right") == set(range(24))


def test_other_sizes_beside_what_is_there_are_refused(episode, tmp_path):
    store = EpisodeStore(tmp_path)
    store.check(episode().form, "right")
    store.add(episode())
    store.check(episode().form, "right")
    store.check(episode().form._replace(state_size=7), "left")
    with pytest.raises(InvalidEpisode, match=r"state_size of .*000000.* is 7; valid: 2"):
        store.check(episode().form._replace(state_size=7), "right")


def test_places_without_episodes_are_named(episode, tmp_path):
    with pytest.raises(NoEpisodes, match="nowhere does not exist"):
        episode_paths([tmp_path / "nowhere"])
    with pytest.raises(NoEpisodes, match="has no episodes in it"):
        episode_paths([tmp_path])
    path = EpisodeStore(tmp_path).add(episode())
    assert episode_paths([path, tmp_path, tmp_path / "corridor"]) == [path]


def test_a_replaced_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "folder" / "sheet.png"
    for text in ("old", "new"):
        with durable.replacing(path) as aside:
            assert aside.suffix == ".png"
            aside.write_text(text)
    with pytest.raises(FileNotFoundError), durable.replacing(path) as aside:
        Path(f"{aside}/no/folder").write_text("torn")
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["sheet.png"]


def tear(folder):
    (folder / "file").write_text("torn")
    (folder / "no folder" / "file").write_text("torn")


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path):
    with pytest.raises(FileNotFoundError), durable.new_folder(tmp_path / "a") as aside:
        tear(aside)
    assert list(tmp_path.iterdir()) == []
    with durable.new_folder(tmp_path / "a") as aside:
        (aside / "file").write_text("whole")
    assert (tmp_path / "a" / "file").read_text() == "whole"
    with pytest.raises(durable.OutputExists, match="a exists already"):
        durable.new_folder(tmp_path / "a").__enter__()
    with pytest.raises(durable.OutputExists), durable.new_folder(tmp_path / "b"):
        (tmp_path / "b").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
