"""A demonstration ends in success and holds it, or is none."""

import itertools

import numpy as np
import pytest

from polytask_contract.episodes.collect import PATIENCE, CollectionFailed, attempt, collect
from polytask_contract.episodes.rerun import Unrepeatable, photographs
from polytask_contract.errors import InvalidSeed
from polytask_contract.specification import Observations

HOLD = 5


def straight(_timestep):
    return np.array([1.0], np.float32)


def there_and_back(timestep):
    """Undo the task as soon as it is done, as some scripts do."""
    direction = -1.0 if timestep.observation["success"] else 1.0
    return np.array([direction], np.float32)


def by_state(timestep):
    return np.clip((1.0 - timestep.observation["state"]) * 10, -1, 1)


def test_it_ends_where_success_was_up_for_long_enough(corridor):
    made = attempt(corridor(), straight, seed=1, hold=HOLD)
    assert made.successes[-HOLD:] == [True] * HOLD
    assert not any(made.successes[:-HOLD])
    assert made.seed == 1
    assert made.source == "script"
    assert np.array_equal(made.goal_image, made.observations["image"][-1])
    made.check_against(corridor().specification)


def test_the_same_seed_gives_the_same_demonstration(corridor, exactly):
    once, again = (attempt(corridor(), straight, seed=4, hold=HOLD) for _ in range(2))
    assert exactly(once) == exactly(again)
    assert exactly(once) != exactly(attempt(corridor(), straight, seed=5, hold=HOLD))


def test_success_that_is_undone_is_no_demonstration(corridor):
    assert attempt(corridor(), there_and_back, seed=1, hold=HOLD) is None
    assert attempt(corridor(length=8), straight, seed=1, hold=HOLD) is None


def test_success_that_a_reset_gives_does_not_count(corridor):
    environment = corridor()
    environment.begin = lambda random: setattr(environment, "random", random) or place_right()

    def place_right():
        environment.place = 1.0
        return environment.observe()

    assert len(attempt(environment, straight, seed=1, hold=HOLD)) == HOLD


def test_as_many_as_asked_for_from_the_first_free_seeds(corridor):
    attempts = list(collect(corridor(), straight, 3, seed=10, hold=HOLD, taken={11, 12}))
    assert [one.seed for one in attempts] == [10, 13, 14]
    assert [one.episode.seed for one in attempts] == [10, 13, 14]


def test_a_failed_attempt_is_counted_and_the_next_seed_tried(corridor):
    environment = corridor()
    turns = itertools.count()

    def every_other(timestep):
        if timestep.first():
            next(turns)
            every_other.able = not every_other.able
        return straight(timestep) * every_other.able

    every_other.able = True
    attempts = list(collect(environment, every_other, 2, seed=0, hold=HOLD))
    assert [one.episode is not None for one in attempts] == [False, True, False, True]


def test_a_policy_that_cannot_is_given_up_with_a_count(corridor):
    attempts = []
    with pytest.raises(CollectionFailed) as caught:
        attempts.extend(collect(corridor(), there_and_back, 3, seed=0, hold=HOLD))
    message = str(caught.value)
    assert f"{PATIENCE} of {PATIENCE} attempts at corridor right failed" in message
    assert f"not up for {HOLD} steps in a row" in message
    assert "0 of 3 demonstrations" in message


def test_seeds_do_not_go_beyond_64_bits(corridor):
    attempts = collect(corridor(), straight, 2, seed=2**64 - 1, hold=HOLD)
    assert next(attempts).seed == 2**64 - 1
    with pytest.raises(InvalidSeed):
        next(attempts)


def test_a_script_may_see_more_than_is_recorded(corridor):
    blind, sight = (
        corridor(observations=Observations(state=state, image=(6, 8))) for state in (False, True)
    )
    made = attempt(blind, by_state, seed=3, hold=HOLD, sight=sight)
    assert set(made.observations) == {"success", "image"}
    seeing = attempt(corridor(), by_state, seed=3, hold=HOLD)
    assert np.array_equal(made.actions, seeing.actions)
    assert np.array_equal(made.observations["image"], seeing.observations["image"])


class TestRerun:
    def test_shows_what_was_recorded_at_another_size(self, corridor):
        made = attempt(corridor(), straight, seed=1, hold=HOLD)
        small = list(photographs(made, corridor(), (6, 8)))
        assert np.array_equal(np.stack(small), made.observations["image"])
        assert {one.shape for one in photographs(made, corridor(), (30, 40))} == {(30, 40, 3)}

    def test_that_goes_another_way_says_where(self, corridor, episode):
        made = attempt(corridor(), straight, seed=1, hold=HOLD)
        fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
        with pytest.raises(Unrepeatable, match=r"corridor right went another way at step 1"):
            list(photographs(episode(**{**fields, "seed": 2}), corridor(), (6, 8)))
        with pytest.raises(Unrepeatable, match=r"ended after 4 steps; recorded"):
            list(photographs(made, corridor(length=4), (6, 8)))

    def test_needs_a_seed_and_a_camera(self, corridor, plain_corridor, episode):
        with pytest.raises(Unrepeatable, match="does not begin at a reset"):
            list(photographs(episode(seed=None), corridor(), (6, 8)))
        with pytest.raises(Unrepeatable, match="'corridor' cannot be photographed"):
            list(photographs(episode(), plain_corridor, (6, 8)))
