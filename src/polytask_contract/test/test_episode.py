"""An episode is whole or it is not made."""

import numpy as np
import pytest

from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.errors import InvalidSeed, UnknownName
from polytask_contract.specification import Observations

NAN_ROW = np.array([0, 0, np.nan, 0, 0])


def seen(episode, **changes):
    return {**episode().observations, **changes}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("suite", "a/b", r"suite is 'a/b'; valid: printable, without '/'"),
        ("suite", "", "suite is ''"),
        ("task", "..", r"task is '\.\.'"),
        ("task", "x" * 201, "up to 200 bytes"),
        ("task", "a\nb", "printable"),
        ("source", "magic", "source is 'magic'; valid: script, teleoperation, policy"),
        ("control_period", 0.0, r"control_period is 0\.0 s; valid: above 0 s"),
        ("control_period", np.nan, "control_period is nan s"),
        ("actions", np.zeros((5, 3)), "the type of actions is float64; valid: float32"),
        ("actions", np.zeros(5, np.float32), r"the shape of actions is \(5,\); valid: \(T, size\)"),
        ("actions", np.zeros((0, 3), np.float32), r"shape of actions is \(0, 3\)"),
        ("actions", np.full((5, 3), 1.5, np.float32), r"\[0, 0\] of actions is 1\.5; .*-1 to 1"),
        ("actions", [0.0], "actions is a list; valid: an array"),
        ("rewards", np.zeros(6), r"the shape of rewards is \(6,\); valid: \(5\)"),
        ("rewards", NAN_ROW, r"value \[2\] of rewards is nan; valid: finite"),
        ("discounts", np.full(5, 2.0), r"value \[0\] of discounts is 2\.0; valid: 0 to 1"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_what_is_valid(episode, field, value, message):
    with pytest.raises(InvalidEpisode, match=message):
        episode(**{field: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": np.zeros((5, 2), np.float32)}, r"state is \(5, 2\); valid: \(6, size\)"),
        ({"image": np.zeros((6, 4, 5), np.uint8)}, r"valid: \(6, rows, columns, 3\)"),
        ({"success": np.zeros(6)}, "type of success is float64; valid: bool"),
        ({"sound": np.zeros(6)}, "observations is .*sound.*; valid: success, and state or image"),
        ({"state": np.full((6, 2), np.inf, np.float32)}, r"value \[0, 0\] of state is inf"),
    ],
)  # fmt: skip
def test_bad_observations_are_named(episode, changes, message):
    with pytest.raises(InvalidEpisode, match=message):
        episode(observations=seen(episode, **changes))


@pytest.mark.parametrize("names", [[], ["success"], ["state", "image"]])
def test_success_and_something_to_see_are_needed(episode, names):
    everything = episode().observations
    with pytest.raises(InvalidEpisode, match="success, and state or image or both"):
        episode(observations={name: everything[name] for name in names})


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(episode, seed):
    with pytest.raises(InvalidSeed):
        episode(seed=seed)


def test_its_arrays_and_its_observations_cannot_be_changed(episode):
    made = episode()
    for values in (made.actions, made.rewards, made.discounts, *made.observations.values()):
        with pytest.raises(ValueError, match="read-only"):
            values[:] = 0
    with pytest.raises(TypeError):
        made.observations["state"] = None


def test_the_goal_image_is_the_last_one(episode):
    made = episode()
    assert np.array_equal(made.goal_image, made.observations["image"][-1])
    blind = {name: made.observations[name] for name in ("success", "state")}
    with pytest.raises(InvalidEpisode, match="corridor right has no pictures"):
        _ = episode(observations=blind).goal_image


def test_success_counts_after_actions_only(episode):
    success = np.array([True, *[False] * 5])
    assert episode(observations=seen(episode, success=success)).verdicts == {
        "any": False,
        "held": False,
    }


def test_it_is_checked_against_an_environment(episode, corridor):
    observations = seen(
        episode, state=np.zeros((6, 1), np.float32), image=np.zeros((6, 6, 8, 3), np.uint8)
    )
    fields = {"observations": observations, "actions": np.zeros((5, 1), np.float32)}
    specification = corridor().specification
    episode(**fields).check_against(specification)
    with pytest.raises(InvalidEpisode, match=r"suite of .* is 'elsewhere'; valid: 'corridor'"):
        episode(**fields, suite="elsewhere").check_against(specification)
    with pytest.raises(UnknownName, match="no task 'up'; valid: left, right"):
        episode(**fields, task="up").check_against(specification)
    with pytest.raises(InvalidEpisode, match=r"action_size of .* is 3; valid: 1"):
        episode(observations=observations).check_against(specification)
    blind = corridor(observations=Observations(image=None)).specification
    with pytest.raises(InvalidEpisode, match=r"image of .* is \(6, 8\); valid: None"):
        episode(**fields).check_against(blind)
    with pytest.raises(InvalidEpisode, match=r"control_period of .* is 0\.2; valid: 0\.1"):
        episode(**fields, control_period=0.2).check_against(specification)
