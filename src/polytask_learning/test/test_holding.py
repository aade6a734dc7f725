"""A run is written by one at a time, and whoever that was, he lets go of it when he is killed."""

import errno
import os
import signal
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from polytask_learning.distilling.distil import add, distil
from polytask_learning.distilling.practise import practise
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.settings import PRESETS, ExpertSettings
from polytask_learning.training import holding
from polytask_learning.training.holding import RunBusy, held
from polytask_learning.training.learn import learn
from polytask_learning.training.relabel import relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import OtherConfiguration, RunFolder

TASKS = ("north_west", "south_east", "south_west")
SMALL = DistilRequest(hidden=(16,), updates=20)


def nothing(metrics):
    del metrics


@pytest.fixture(scope="module")
def teachers(tmp_path_factory, make_teacher):
    place = tmp_path_factory.mktemp("teachers")
    return [make_teacher(place / task, task, steps=200) for task in TASKS]


@pytest.fixture
def asked(monkeypatch):
    """Return a request for an expert that takes no time."""
    tiny = ExpertSettings(hidden=(16,), critic_hidden=(16,), batch=8, imitation_updates=0)
    monkeypatch.setitem(PRESETS, "tiny", tiny)
    return Request("point", TASKS[2], preset="tiny", steps=40, evaluate_every=40)


def in_thread(does):
    """Return the error that a thread ended with which `does` something."""
    found = []

    def noting():
        try:
            does()
        except RunBusy as error:
            found.append(error)

    thread = threading.Thread(target=noting)
    thread.start()
    thread.join()
    return found


def test_a_second_holder_is_refused_and_told_of_the_first(tmp_path):
    path = RunFolder.begin(tmp_path / "run", {"seed": 1}).path

    def again():
        with held(path):
            pass

    with held(path):
        with pytest.raises(RunBusy, match=f"run is being written to by process {os.getpid()} of"):
            again()
        assert len(in_thread(again)) == 1
        with held(tmp_path / "other"), held(path / "practice"):
            pass
    again()
    assert in_thread(again) == []


def test_of_a_killed_holder_the_run_is_free(tmp_path):
    path = tmp_path / "run"
    said, saying = os.pipe()
    child = os.fork()
    if child == 0:
        with held(path):
            os.write(saying, b"held")
            signal.pause()
    try:
        assert os.read(said, 4) == b"held"
        with pytest.raises(RunBusy, match=f"process {child} of"), held(path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(said)
        os.close(saying)
    with held(path):
        pass


def killed_while_writing(does, name):
    """Let a child do something, and kill it when it is about to give a file this `name`."""
    child = os.fork()
    if child == 0:
        replace_file = Path.replace

        def replacing_or_dying(self, target):
            if Path(target).name == name:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace_file(self, target)

        Path.replace = replacing_or_dying
        does()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def left_over(path):
    return list(path.rglob("*.partial*"))


def test_a_run_whose_beginning_was_killed_begins_and_nothing_is_left(tmp_path):
    path = tmp_path / "run"

    def begin():
        with held(path):
            return RunFolder.begin(path, {"seed": 1})

    killed_while_writing(begin, "manifest.json")
    assert len(left_over(path)) == 1
    assert begin().manifest == {"seed": 1}
    assert left_over(path) == []


@pytest.mark.parametrize(
    "name",
    ["manifest.json", f"{TASKS[1]}.safetensors", "goals.checkpoint", "best.checkpoint"],
)
def test_a_stage_that_was_killed_anywhere_goes_on_and_nothing_is_left(tmp_path, teachers, name):
    path = tmp_path / "u"
    distil(SMALL, teachers[:1], path, nothing)
    killed_while_writing(lambda: add(path, teachers[1], nothing), name)
    assert UnifiedPolicy(path).tasks == TASKS[:1]
    assert len(left_over(path)) == 1
    add(path, teachers[1], nothing)
    assert UnifiedPolicy(path).tasks == TASKS[:2]
    assert left_over(path) == []


def test_what_others_are_writing_is_left_to_them(tmp_path):
    path = RunFolder.begin(tmp_path / "run", {"seed": 1}).path
    inner = RunFolder.begin(path / "practice" / "north", {"seed": 1}).path
    others = [
        path / ".0.partial.html",
        path / "evaluations" / ".0.partial.json",
        inner / ".0.partial.safetensors",
    ]
    with held(inner):
        for one in others:
            one.parent.mkdir(exist_ok=True)
            one.touch()
        with held(path):
            assert sorted(left_over(path)) == sorted(others)


def test_a_place_of_something_else_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(OtherConfiguration, match="is no run, and not empty"), held(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_is_begun_in_a_place_that_is_held(tmp_path):
    with held(tmp_path / "run"):
        assert RunFolder.begin(tmp_path / "run", {"seed": 1}).manifest == {"seed": 1}


def test_where_nothing_can_be_written_nothing_is_in_danger(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as only_read:
        only_read.setattr(holding.Path, "open", refuse)
        with held(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_no_locks_nobody_is_kept_away_and_nothing_is_tidied(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(holding.fcntl, "flock", none)
    with held(tmp_path):
        (tmp_path / ".0.partial.json").touch()
        with held(tmp_path):
            assert len(left_over(tmp_path)) == 1


@pytest.mark.parametrize("other", ["distil", "add", "relabel"])
def test_what_writes_into_a_run_refuses_one_that_is_written_to(tmp_path, teachers, other):
    path = tmp_path / "u"
    distil(SMALL, teachers[:1], path, nothing)
    does = {
        "distil": lambda: distil(SMALL, teachers[:1], path, nothing),
        "add": lambda: add(path, teachers[1], nothing),
        "relabel": lambda: relabel(path),
    }[other]
    with held(path):
        before = sorted(path.rglob("*"))
        with pytest.raises(RunBusy, match="u is being written to by process"):
            does()
        assert sorted(path.rglob("*")) == before
        # Who only looks on need not wait.
        assert UnifiedPolicy(path).tasks == TASKS[:1]


def test_what_learns_is_alone_in_its_run(tmp_path, store, asked):
    path, refused = tmp_path / "run", []

    def sink(metrics):
        del metrics
        refused.extend(in_thread(lambda: learn(asked, store, path, nothing)))
        refused.extend(in_thread(lambda: relabel(path)))

    told = list(learn(asked, store, path, sink).told())
    assert len(refused) == 2 * len(told)
    assert [line["steps"] for line in told] == sorted(line["steps"] for line in told)
    relabel(path)


def test_nothing_joins_a_policy_while_it_practises(tmp_path, teachers, store, asked):
    path, refused = tmp_path / "u", []
    distil(SMALL, teachers[:1], path, nothing)

    def sink(metrics):
        del metrics
        refused.extend(in_thread(lambda: add(path, teachers[1], nothing)))

    practise(path, asked, store, sink)
    assert len(refused) > 1
    assert [len(stage.tasks) for stage in UnifiedFolder(path).stages()] == [1, 2]
    assert UnifiedPolicy(path).tasks == (TASKS[0], TASKS[2])


def test_what_was_practised_does_not_join_a_policy_that_has_learnt_another_task_meanwhile(
    tmp_path, teachers, store, asked, monkeypatch
):
    path = tmp_path / "u"
    distil(SMALL, teachers[:1], path, nothing)
    # As on a file system without locks.
    monkeypatch.setattr("polytask_learning.distilling.distil.held", nullcontext)

    def sink(metrics):
        del metrics
        add(path, teachers[1], nothing)

    with pytest.raises(OtherConfiguration, match=f"u has learnt {TASKS[1]} while it practised"):
        practise(path, asked, store, sink)
    assert UnifiedPolicy(path).tasks == TASKS[:2]


def test_nothing_else_is_distilled_into_a_policy_meanwhile(tmp_path, teachers):
    path, refused = tmp_path / "u", []

    def sink(metrics):
        del metrics
        refused.extend(in_thread(lambda: distil(SMALL, teachers[:1], path, nothing)))

    distil(SMALL, teachers[:1], path, sink)
    assert len(refused) == 1
    assert [line["steps"] for line in UnifiedFolder(path).current().told()] == [20]
