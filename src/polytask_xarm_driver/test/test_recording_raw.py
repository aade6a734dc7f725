"""Raw topics on disk: whole files that other programs read, beside whole episodes."""

import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.form import Form, InvalidEpisode
from polytask_contract.episodes.store import EpisodeStore
from polytask_xarm_driver.recording.message_definition import DefinitionNotFound, full_definition
from polytask_xarm_driver.recording.raw_file import CHUNK, RawFile, RawTopic
from polytask_xarm_driver.recording.task_folder import FolderInUse, NotWritable, TaskFolder

SUITE, TASK = "made_up", "lift"
FORM = Form(suite=SUITE, action_size=2, state_size=1, image=None, control_period=0.1)

FILES = {
    "sense_msgs/Reading": """
# A comment with sense_msgs/Nothing in it.
uint8 GOOD=0
string<=8 NAME = "a b"
std_msgs/Header header
Place[2] places   # a message of the same package
Place[<=3] more
float64[] values
string<=10 label "unknown"
""",
    "sense_msgs/Place": "geometry_msgs/Point where\nbuiltin_interfaces/Time at\n",
    "std_msgs/Header": "builtin_interfaces/Time stamp\nstring frame_id\n",
    "builtin_interfaces/Time": "int32 sec\nuint32 nanosec\n",
    "geometry_msgs/Point": "float64 x\nfloat64 y\nfloat64 z\n",
}


def find(package, name):
    try:
        return FILES[f"{package}/{name}"]
    except KeyError:
        raise DefinitionNotFound(f"{package}/msg/{name} is not installed here") from None


READING = RawTopic(
    "/reading", "sense_msgs/msg/Reading", full_definition("sense_msgs/msg/Reading", find)
)
POINT = RawTopic("/point", "geometry_msgs/msg/Point", FILES["geometry_msgs/Point"])
TOPICS = {"/reading": READING, "/point": POINT}
STORE = get_typestore(Stores.ROS2_JAZZY)


def point(x):
    """Return a point as the bytes that travel."""
    kind = STORE.types["geometry_msgs/msg/Point"]
    return bytes(STORE.serialize_cdr(kind(x=x, y=-x, z=0.5), "geometry_msgs/msg/Point"))


def episode(seed, steps=3, size=1):
    success = np.zeros(steps + 1, np.bool_)
    success[-1] = True
    state = np.zeros((steps + 1, size), np.float32)
    actions = np.zeros((steps, 2), np.float32)
    return Episode(
        suite=SUITE,
        task=TASK,
        seed=seed,
        source="teleoperation",
        control_period=0.1,
        observations={"state": state, "success": success},
        actions=actions,
        rewards=np.zeros(steps),
        discounts=np.ones(steps),
    )


def contents(folder):
    return sorted(path.name for path in folder.glob("**/*") if path.is_file())


@pytest.fixture
def folder(tmp_path):
    held = TaskFolder(tmp_path, FORM, TASK)
    yield held
    held.close()


# Definitions


def test_a_definition_has_every_message_inside_it_once():
    parts = READING.definition.split("=" * 80 + "\n")
    assert parts[0] == FILES["sense_msgs/Reading"] + "\n"
    assert [part.splitlines()[0] for part in parts[1:]] == [
        "MSG: std_msgs/Header",
        "MSG: sense_msgs/Place",
        "MSG: builtin_interfaces/Time",
        "MSG: geometry_msgs/Point",
    ]


@pytest.mark.parametrize("kind", ["geometry_msgs/Point", "a/srv/B", "a/action/B_Goal", "", "x"])
def test_what_is_no_type_of_message_is_refused(kind):
    with pytest.raises(DefinitionNotFound, match=r"no type of message; valid: such as"):
        full_definition(kind, find)


def test_what_is_not_installed_is_named():
    lacking = {"a/Outer": "b/Inner inner\n"}
    with pytest.raises(DefinitionNotFound, match="b/Inner"):
        full_definition("a/msg/Outer", lambda package, name: found(lacking, f"{package}/{name}"))


def found(files, name):
    if name not in files:
        raise DefinitionNotFound(name)
    return files[name]


# Files


@settings(max_examples=20)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_what_was_written_is_read_by_rosbags(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("raw")
    raw = RawFile(folder, 4, TOPICS)
    for number, value in enumerate(values):
        raw.add("/point", point(value), 100 + number, 50 + number)
    raw.complete({"task": TASK})
    raw.keep(folder / "0.mcap")
    with AnyReader([folder / "0.mcap"]) as bag:
        assert {c.topic: c.msgtype for c in bag.connections} == {
            topic.name: topic.kind for topic in TOPICS.values()
        }
        read = [(time, bag.deserialize(data, c.msgtype)) for c, time, data in bag.messages()]
    assert [time for time, _ in read] == [100 + number for number in range(len(values))]
    assert [message.x for _, message in read] == values
    assert contents(folder) == ["0.mcap"]


def test_profile_encodings_and_times_are_those_of_ros(tmp_path):
    raw = RawFile(tmp_path, 4, TOPICS)
    raw.add("/point", point(1.0), 100, 50)
    raw.complete({"task": TASK})
    raw.keep(tmp_path / "0.mcap")
    with (tmp_path / "0.mcap").open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
        assert {c.message_encoding for c in summary.channels.values()} == {"cdr"}
        kinds = {(s.name, s.encoding, s.data.decode()) for s in summary.schemas.values()}
        assert kinds == {(t.kind, "ros2msg", t.definition) for t in TOPICS.values()}
        ((_, channel, message),) = reader.iter_messages()
        assert (channel.topic, message.log_time, message.publish_time) == ("/point", 100, 50)
        assert {m.name: m.metadata for m in reader.iter_metadata()} == {"polytask": {"task": TASK}}


def test_messages_leave_memory_for_the_disk_while_they_come(tmp_path):
    raw = RawFile(tmp_path, 4, TOPICS)
    (aside,) = tmp_path.iterdir()
    picture = np.random.default_rng(0).bytes(CHUNK // 2)
    for number in range(20):
        raw.add("/reading", picture, number, number)
    assert aside.stat().st_size > 8 * CHUNK
    raw.discard()
    assert contents(tmp_path) == []


def test_a_full_disk_is_said_when_a_message_comes(tmp_path):
    raw = RawFile(tmp_path, 4, TOPICS)
    # It takes nothing: what is written there fails as on a full disk.
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), raw._file.fileno())
    with pytest.raises(OSError, match="No space left"):
        fill(raw)
    raw.discard()
    assert contents(tmp_path) == []


def fill(raw):
    for number in range(20):
        raw.add("/reading", bytes(CHUNK), number, number)
    raw.complete({})


# Folders


def test_an_episode_and_its_raw_file_have_one_number(folder, tmp_path):
    paths = []
    for seed in (5, 6):
        raw = folder.open_raw(seed, TOPICS)
        raw.add("/point", point(seed), seed, seed)
        paths.append(folder.add(episode(seed), raw, {"seed": str(seed)}))
    paths.append(folder.add(episode(7), None, {}))
    assert [path.stem for path in paths] == ["000000", "000001", "000002"]
    assert folder.seeds == {5, 6, 7}
    for seed, path in zip((5, 6), paths, strict=False):
        assert read_episode(path).seed == seed
        with path.with_suffix(".mcap").open("rb") as file:
            (facts,) = make_reader(file).iter_metadata()
        assert facts.metadata["seed"] == str(seed)
    assert not paths[2].with_suffix(".mcap").exists()
    names = [name for name in contents(tmp_path) if not name.startswith(".")]
    assert len(names) == 5


def test_one_recorder_at_a_time_writes_into_a_folder(tmp_path):
    first = TaskFolder(tmp_path, FORM, TASK)
    with pytest.raises(FolderInUse, match=TASK):
        TaskFolder(tmp_path, FORM, TASK)
    TaskFolder(tmp_path, FORM, "push").close()
    first.close()
    TaskFolder(tmp_path, FORM, TASK).close()


@pytest.mark.parametrize("place", ["file/below", "/proc/nowhere", "/dev/null/x"])
def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match=r"cannot be written: .*"):
        TaskFolder(tmp_path / place, FORM, TASK)


def test_what_is_of_another_form_is_not_mixed(tmp_path):
    EpisodeStore(tmp_path).add(episode(1, size=2))
    with pytest.raises(InvalidEpisode, match="state"):
        TaskFolder(tmp_path, FORM, TASK)
    # And the folder is free again.
    EpisodeStore(tmp_path).add(episode(2))
    TaskFolder(tmp_path, FORM, TASK).close()


def test_the_first_look_leaves_nothing(folder, tmp_path):
    assert contents(tmp_path) == [".recorder.lock"]
    assert folder.seeds == set()


STEPS = ("open", "written", "complete", "added", "kept")
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_recording_raw import FORM, SUITE, TASK, TOPICS, episode, point
from polytask_contract.episodes.store import EpisodeStore
from polytask_xarm_driver.recording.task_folder import TaskFolder
folder = TaskFolder(Path({root!r}), FORM, TASK)
first = folder.open_raw(1, TOPICS)
folder.add(episode(1), first, {{}})
raw = folder.open_raw(2, TOPICS)
steps = [
    lambda: None,
    lambda: raw.add("/point", point(2.0), 1, 1),
    lambda: raw.complete({{}}),
    lambda: places.append(EpisodeStore(Path({root!r})).add(episode(2))),
    lambda: raw.keep(places[0].with_suffix(".mcap")),
]
places = []
for step in steps[: {steps} + 1]:
    step()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("last", range(len(STEPS)), ids=STEPS)
def test_killed_at_any_step_a_recorder_leaves_whole_pairs(tmp_path, last):
    here = os.path.dirname(__file__)
    code = KILLED.format(here=here, root=str(tmp_path), steps=last)
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    place = tmp_path / SUITE / TASK
    recorded = STEPS[last] in ("added", "kept")
    whole = EpisodeStore(tmp_path).paths(SUITE, TASK)
    assert [read_episode(path).seed for path in whole] == [1, 2][: 1 + recorded]
    again = TaskFolder(tmp_path, FORM, TASK)
    pairs = [(path.name, path.with_suffix(".mcap").name) for path in whole]
    assert contents(place) == sorted([".recorder.lock", *itertools.chain(*pairs)])
    for path in whole:
        with path.with_suffix(".mcap").open("rb") as file:
            assert make_reader(file).get_summary() is not None
    # The next one goes on with the next number.
    assert again.add(episode(9), None, {}).stem == f"{len(whole):06d}"
    again.close()
