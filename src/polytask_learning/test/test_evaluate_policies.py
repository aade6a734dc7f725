"""`polytask evaluate` of policies of many tasks: checked before anything acts, and told in full."""

import shutil
from dataclasses import replace

import pytest

from polytask_contract.cli import command
from polytask_learning import distil_settings
from polytask_learning.distilling.distil import distil
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.training.evaluation_file import FOLDER

TASKS = ("north_west", "south_east")
FEW = ("--episodes", "2")


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_teacher):
    """Return a place with two experts' runs and two policies of them, `one` and `two`."""
    place = tmp_path_factory.mktemp("policies")
    runs = [
        make_teacher(place / task, task, steps=200, seed=number)
        for number, task in enumerate(TASKS)
    ]
    small = replace(
        distil_settings.DISTIL_PRESETS["fast"], hidden=(16,), goal_features=8, batch=16, updates=20
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polytask_learning.distilling.request.DISTIL_PRESETS", {"fast": small})
        for name, goals in (("one", ("onehot", "index")), ("two", ("index",))):
            distil(DistilRequest(goals=goals), runs, place / name, lambda _: None)
    return place


@pytest.fixture
def place(made, tmp_path):
    """Return a copy, to be changed."""
    shutil.copytree(made, tmp_path / "all")
    for path in (tmp_path / "all").glob("*/stages/*/manifest.json"):
        path.write_text(path.read_text().replace(str(made), str(tmp_path / "all")))
    return tmp_path / "all"


def evaluate(*words):
    return command.main(["evaluate", *map(str, words), *FEW])


def test_a_goal_that_one_policy_does_not_take_is_refused_before_another_acts(place, capsys):
    assert evaluate(place / "one", place / "two", "--goal", "onehot") == 1
    told = capsys.readouterr()
    assert f"no kind of goal 'onehot'; valid: index of {place / 'two'}" in told.err
    assert told.out == ""
    assert not list(place.rglob(FOLDER))


def test_a_kind_of_goal_that_is_named_twice_is_asked_by_once(place, capsys):
    assert evaluate(place / "one", "--goal", "index", "index") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("stage")]
    assert len(rows) == len(TASKS)


def test_what_is_left_of_experts_says_of_how_many(place, capsys):
    assert evaluate(place / "two") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" of the experts'")
    shutil.rmtree(place / TASKS[1])
    assert evaluate(place / "two") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(" of the experts' in the 1 whose experts are known")


def test_again_repeats_what_is_known_of_the_experts_too(place, capsys):
    assert evaluate(place / "two") == 0
    (kept,) = (place / TASKS[0] / FOLDER).glob("*.json")
    whole = kept.read_text()
    kept.write_text("{")
    assert evaluate(place / "two") == 1
    assert f"{kept} is no evaluation" in capsys.readouterr().err
    assert evaluate(place / "two", "--again") == 0
    assert kept.read_text() == whole
