"""Who holds an environment, which action counts, and what a missing one means."""

import numpy as np
import pytest

from polytask_contract.environment import Turn
from polytask_contract.errors import ActionRefused, EnvironmentBusy, Refusal
from polytask_msgs.msg import ActionRefusal
from polytask_ros.referee import ActionWatchdog, Holding, Turns


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def holding(clock):
    return Holding(10.0, clock)


def test_a_second_client_is_refused_and_told_who_and_until_when(holding):
    holding.claim("/learner", set())
    with pytest.raises(EnvironmentBusy, match=r"/learner holds the environment.*10 s"):
        holding.claim("/other", set())
    holding.claim("/learner", set())
    assert holding.client == "/learner"


def test_a_released_environment_is_anybodys(holding):
    holding.claim("/learner", set())
    holding.release()
    holding.claim("/other", set())
    assert holding.client == "/other"


def test_a_client_counts_as_gone_only_after_it_was_seen(holding):
    holding.claim("/learner", set())
    assert holding.lapse(set()) == ""
    assert holding.lapse({"/learner"}) == ""
    assert holding.lapse({"/another"}) == "/learner is gone"


def test_a_client_that_was_there_when_it_claimed_may_go_at_once(holding):
    holding.claim("/learner", {"/learner", "/another"})
    assert holding.lapse({"/another"}) == "/learner is gone"
    holding.release()
    holding.claim("/other", {"/learner", "/another"})
    assert holding.lapse({"/another"}) == ""


def test_a_new_client_is_not_taken_for_the_one_before(holding):
    holding.claim("/learner", set())
    holding.lapse({"/learner"})
    holding.release()
    holding.claim("/other", set())
    assert holding.lapse(set()) == ""


def test_silence_ends_the_claim_and_every_sign_of_life_renews_it(holding, clock):
    holding.claim("/learner", set())
    clock.seconds += 9
    holding.hear()
    clock.seconds += 9
    assert holding.lapse({"/learner"}) == ""
    clock.seconds += 2
    assert holding.lapse({"/learner"}) == "/learner was silent for 11.0 s; valid: 10 s"


def test_nobody_is_never_gone(holding, clock):
    clock.seconds += 100
    assert holding.lapse(set()) == ""


def test_each_turn_is_open_once():
    turns = Turns(2)
    turns.start(7)
    assert turns.judge(Turn(7, 0), [0, 0.5]).tolist() == [0, 0.5]
    assert turns.advance(last=False) == Turn(7, 1)
    assert turns.was_answered(Turn(7, 0))
    with pytest.raises(ActionRefused) as caught:
        turns.judge(Turn(7, 0), [0, 0.5])
    assert caught.value.refusal == Refusal.WRONG_STEP


def test_the_last_turn_opens_none_but_can_be_repeated():
    turns = Turns(2)
    turns.start(7)
    assert turns.advance(last=True) == Turn(7, 1)
    assert turns.open is None
    assert turns.was_answered(Turn(7, 0))


def test_an_abandoned_episode_repeats_nothing():
    turns = Turns(2)
    turns.start(7)
    turns.advance(last=False)
    turns.abandon()
    assert turns.open is None
    assert not turns.was_answered(Turn(7, 0))


def test_the_watchdog_holds_an_action_then_gives_none():
    watchdog = ActionWatchdog(1, hold_periods=2)
    action = np.ones(1, np.float32)
    watchdog.give(action)
    assert [watchdog.take(), watchdog.take(), watchdog.take()] == [action] * 3
    assert watchdog.take() is None
    assert watchdog.missed == 3


def test_the_watchdog_rests_before_the_first_action():
    watchdog = ActionWatchdog(2, hold_periods=1)
    assert watchdog.take().tolist() == [0, 0]
    assert watchdog.take() is None


def test_the_newest_of_several_actions_counts_and_ends_the_silence():
    watchdog = ActionWatchdog(1, hold_periods=1)
    watchdog.take()
    watchdog.give(np.zeros(1, np.float32))
    watchdog.give(np.ones(1, np.float32))
    assert watchdog.take().tolist() == [1]
    assert watchdog.take().tolist() == [1]
    assert watchdog.missed == 2


def test_a_new_episode_remembers_no_action():
    watchdog = ActionWatchdog(1, hold_periods=1)
    watchdog.give(np.ones(1, np.float32))
    watchdog.take()
    watchdog.start()
    assert watchdog.take().tolist() == [0]
    assert watchdog.missed == 1


def test_refusals_have_the_values_of_their_message():
    assert {refusal.name: refusal.value for refusal in Refusal} == {
        name: getattr(ActionRefusal, name) for name in Refusal.__members__
    }


def test_a_world_that_rests_repeats_no_action_but_counts_what_is_missing():
    watchdog = ActionWatchdog(1, hold_periods=2, rests=True)
    watchdog.give(np.array([0.5], np.float32))
    assert watchdog.take() == 0.5
    assert watchdog.take() == 0.0
    assert watchdog.take() == 0.0
    assert watchdog.take() is None
    assert watchdog.missed == 3


def test_what_is_forgotten_is_neither_taken_nor_held():
    watchdog = ActionWatchdog(1, hold_periods=2)
    for given in ([0.5], [0.7]):
        watchdog.give(np.array(given, np.float32))
        if given == [0.5]:
            watchdog.take()
    watchdog.forget()
    assert watchdog.take() == 0.0
