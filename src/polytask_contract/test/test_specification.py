"""Specifications and actions refuse what no environment can mean."""

import dataclasses
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from polytask_contract import suites
from polytask_contract.environment import checked_action
from polytask_contract.errors import ActionRefused, InvalidSpecification, UnknownName, UnusableSuite
from polytask_contract.specification import Observations, Specification
from polytask_contract.suites import find_suite, suite_names

VALID = Specification(
    suite="example",
    tasks=("one", "two"),
    action_size=2,
    state_size=3,
    image=(8, 9),
    control_period=0.1,
    episode_length=10,
    simulated=True,
)


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": ()},
        {"tasks": ("one", "one")},
        {"action_size": 0},
        {"state_size": -1},
        {"episode_length": -1},
        {"control_period": 0.0},
        {"control_period": float("nan")},
        {"image": (0, 9)},
        {"image": None, "state_size": 0},
    ],
)
def test_a_contradiction_is_refused_and_named(change: dict[str, object]) -> None:
    with pytest.raises(InvalidSpecification) as caught:
        dataclasses.replace(VALID, **change)  # type: ignore[arg-type]
    assert any(word in str(caught.value) for word in (next(iter(change)), "image", "tasks"))


def test_specs_hold_exactly_what_the_environment_has() -> None:
    assert set(VALID.observation_spec()) == {"state", "image", "success"}
    assert VALID.observation_spec()["image"].shape == (8, 9, 3)
    without = dataclasses.replace(VALID, image=None)
    assert set(without.observation_spec()) == {"state", "success"}
    assert VALID.action_spec().shape == (2,)


def test_an_unknown_task_is_answered_with_the_valid_ones() -> None:
    with pytest.raises(UnknownName, match=r"'three'.*one, two"):
        VALID.check_task("three")


def test_observing_nothing_is_refused() -> None:
    with pytest.raises(InvalidSpecification, match="ask for one or both"):
        Observations(state=False, image=None)


def test_a_valid_action_is_taken_as_float32_including_both_ends() -> None:
    action = checked_action([-1, 1], 2)
    assert action.dtype == np.float32
    assert action.tolist() == [-1.0, 1.0]


def test_a_bad_value_is_named_with_its_place() -> None:
    with pytest.raises(ActionRefused, match=r"value 1 of the action is 1\.5; valid: -1 to 1"):
        checked_action([0, 1.5], 2)
    with pytest.raises(ActionRefused, match="value 0 of the action is nan"):
        checked_action([np.nan, 1.5], 2)


def test_installed_suites_are_found_by_name() -> None:
    assert "point" in suite_names()
    assert find_suite("point").name == "point"
    with pytest.raises(UnknownName, match=r"'nowhere'.*point"):
        find_suite("nowhere")


def test_a_suite_whose_parts_are_missing_says_which(monkeypatch):
    entry = EntryPoint("broken", "no_such_simulator:Suite", suites.GROUP)
    monkeypatch.setattr(suites, "entry_points", lambda **_: [entry])
    with pytest.raises(UnusableSuite, match=r"'broken' cannot be imported: .*no_such_simulator"):
        find_suite("broken")
