"""Laws of a take and of a session: what is kept, whatever is said and seen."""

import itertools

import dm_env
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polytask_contract.errors import InvalidSeed
from polytask_contract.specification import Specification
from polytask_xarm_driver.recording.session import Phase, RecordingFailed, Rules, Session
from polytask_xarm_driver.recording.take import Seen, Take, Word

SPECIFICATION = Specification("made_up", ("lift",), 2, 1, None, 0.1, 0, True)
EPISODE = 7
KINDS = dm_env.StepType
RULES = Rules(wait_for_operator=True, hold_steps=3, longest_episode=50, patience=4)


def seen(step, success=False, kind=None, episode=EPISODE, stopped=None):
    """Return an observation that tells its step in its state and in its action."""
    if kind is None:
        kind = KINDS.FIRST if step == 0 else KINDS.MID
    first = kind == KINDS.FIRST
    observation = {"state": np.array([step], np.float32), "success": np.array(success)}
    timestep = dm_env.TimeStep(
        kind, None if first else float(step), None if first else 1.0, observation
    )
    action = None if first else np.full(2, step / 100, np.float32)
    return Seen(episode, step, timestep, action, stopped, 1000 + step, 2000 + step)


def began(hold_steps=3, longest=50):
    take = Take(hold_steps, longest)
    take.begin(seen(0))
    return take


def whole(take):
    return take.episode(SPECIFICATION, "lift", 5)


EVENTS = st.one_of(
    st.builds(
        seen,
        step=st.integers(0, 9),
        success=st.booleans(),
        kind=st.sampled_from([*KINDS, None]),
        episode=st.sampled_from([EPISODE, EPISODE, EPISODE, 8]),
        stopped=st.sampled_from([None, None, None, "a fault"]),
    ),
    st.sampled_from(Word),
)


def running(successes):
    """Return the observations of an episode as they come."""
    return [seen(step, success) for step, success in enumerate(successes)]


# Mostly an episode as it should be, with things that should not be in between.
STORIES = st.builds(
    lambda before, middle, after, at: [*before[:at], *middle, *before[at:], *after],
    st.lists(st.booleans(), min_size=1, max_size=9).map(running),
    st.lists(EVENTS, max_size=3),
    st.lists(EVENTS, max_size=3),
    st.integers(0, 9),
)


@settings(max_examples=300)
@given(STORIES, st.integers(0, 4), st.booleans())
def test_what_is_kept_is_whole_and_was_never_given_up(story, hold_steps, early):
    take = Take(hold_steps, 8)
    if not early:
        take.begin(seen(0))
    given_up = stopped = False
    for event in story:
        if take.verdict is None:
            given_up |= event == Word.CANCEL
            stopped |= isinstance(event, Seen) and event.stopped is not None
        if isinstance(event, Seen):
            take.see(event)
        else:
            take.hear(event)
    if early:
        take.begin(seen(0))
    if take.verdict is None or not take.verdict.kept:
        return
    episode = whole(take)
    assert not given_up
    assert 1 <= len(episode) == take.steps <= 8
    # Every step from the first on, once and in order, each with the action that led to it.
    assert episode.observations["state"][:, 0].tolist() == list(range(len(episode) + 1))
    assert episode.rewards.tolist() == list(range(1, len(episode) + 1))
    expected = np.arange(1, len(episode) + 1, dtype=np.float32) / 100
    assert np.array_equal(episode.actions, np.stack([expected, expected], axis=1))
    assert episode.successes[-1]
    assert episode.verdicts["any"]
    assert take.stamps == [1000 + step for step in range(len(episode) + 1)]
    # Not that of what came after it, however early.
    assert take.published == 2000 + len(episode)
    assert episode.source == "teleoperation"


@given(STORIES)
def test_the_first_verdict_stays(story):
    take = began()
    first = None
    for event in story:
        if isinstance(event, Seen):
            take.see(event)
        else:
            take.hear(event)
        first = first or take.verdict
        assert take.verdict == first


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 5))
def test_it_is_over_exactly_when_success_was_up_so_long(successes, hold_steps):
    take = began(hold_steps)
    held = 0
    for step, success in enumerate(successes, 1):
        take.see(seen(step, success))
        held = held + 1 if success else 0
        if held == hold_steps:
            assert take.verdict.kept
            assert take.steps == step
            return
        assert take.verdict is None


def test_without_a_number_of_steps_success_alone_ends_nothing():
    take = began(hold_steps=0)
    for step in range(1, 40):
        take.see(seen(step, True))
    assert take.verdict is None
    take.see(seen(40, True, KINDS.LAST))
    assert take.verdict.kept


@pytest.mark.parametrize("success", [True, False])
def test_an_episode_that_ends_by_itself_is_kept_only_with_success(success):
    take = began()
    take.see(seen(1, success, KINDS.LAST))
    assert take.verdict.kept == success
    assert take.verdict.reason == f"it ended {'with' if success else 'without'} success"


def test_success_before_any_action_does_not_count():
    take = Take(1, 50)
    take.begin(seen(0, success=True))
    take.hear(Word.SUCCESS)
    assert take.verdict is None
    take.see(seen(1, success=True))
    assert take.verdict.kept


def test_the_operators_word_makes_the_last_observation_a_success_and_no_other():
    take = began()
    shown = [seen(1), seen(2)]
    for one in shown:
        take.see(one)
    take.hear(Word.SUCCESS)
    assert whole(take).successes == [False, True]
    # What was seen stays as it was.
    assert not shown[-1].timestep.observation["success"]


def test_an_observation_that_is_sent_again_changes_nothing():
    take = began()
    for one in (seen(1), seen(1), seen(0), seen(2), seen(1)):
        take.see(one)
    assert (take.steps, take.verdict) == (2, None)


def test_reasons_are_told():
    reasons = {}
    for name, one in {
        "gap": seen(3),
        "stopped": seen(2, kind=KINDS.LAST, stopped="no action came in time"),
        "type": seen(2, kind=KINDS.FIRST),
    }.items():
        take = began()
        take.see(seen(1))
        take.see(one)
        assert not take.verdict.kept
        reasons[name] = take.verdict.reason
    assert reasons == {
        "gap": "step 2 did not arrive, step 3 came after it",
        "stopped": "the environment stopped it: no action came in time",
        "type": "step 2 is of type FIRST",
    }
    take = began(longest=2)
    take.see(seen(1))
    take.see(seen(2))
    assert take.verdict.reason == "it was not over after 2 steps"


def test_what_comes_before_the_resets_answer_is_not_lost():
    take = Take(3, 50)
    # The end of another episode, and another reset whose answer went to somebody else.
    for one in (seen(4, episode=3), seen(0, episode=6), seen(1, episode=6)):
        take.see(one)
    for step in range(3):
        take.see(seen(step))
    assert take.steps == 0
    take.begin(seen(0))
    assert (take.steps, take.verdict) == (2, None)


def test_what_is_lost_before_the_resets_answer_is_noticed_at_once():
    take = Take(3, 50)
    take.see(seen(9))
    take.begin(seen(0))
    assert take.verdict.reason == "step 1 did not arrive, step 9 came after it"


def test_silence_is_measured_from_the_last_observation_of_the_episode():
    now = 0.0
    take = Take(3, 50, now=lambda: now)
    now = 5.0
    assert take.silence == 5.0
    take.begin(seen(0))
    assert take.silence == 0.0
    now = 7.0
    take.see(seen(1, episode=8))
    assert take.silence == 2.0
    take.see(seen(1))
    assert take.silence == 0.0


# Sessions


@given(st.lists(st.sampled_from([True, False, *Word]), max_size=40), st.booleans())
def test_a_session_counts_what_became_of_each_take_and_uses_no_seed_twice(story, waits):
    rules = Rules(waits, 1, 50, patience=100)
    session = Session(3, iter(range(10, 1000)), rules)
    used, kept = [], 0
    for event in story:
        if session.finished:
            break
        if isinstance(event, Word):
            session.hear(event)
        elif session.take is not None:
            session.take.begin(seen(0))
            session.see(seen(1, event, KINDS.LAST))
        if session.phase == Phase.WRITING:
            used.append(session.seed)
            if session.take.verdict.kept:
                kept += 1
                session.keep(f"{kept}.safetensors")
            else:
                session.discard(session.take.verdict.reason)
            assert session.phase != Phase.WRITING
        assert session.finished or waits or session.phase == Phase.RECORDING
    assert used == list(range(10, 10 + len(used)))
    assert len(session.files) == kept <= 3
    assert session.discarded == len(used) - kept
    assert session.finished == (kept == 3)
    if session.finished:
        session.hear(Word.START)
        assert session.take is None


def test_an_episode_waits_for_the_operators_word_alone():
    session = Session(1, itertools.count(), RULES)
    for word in (Word.SUCCESS, Word.CANCEL):
        session.hear(word)
        assert session.phase == Phase.WAITING
    session.hear(Word.START)
    assert session.phase == Phase.RECORDING
    take = session.take
    session.hear(Word.START)
    assert session.take is take
    session.hear(Word.CANCEL)
    assert session.phase == Phase.WRITING


def test_recording_breaks_off_after_too_many_failures_in_a_row():
    session = Session(9, itertools.count(), RULES)

    def discard():
        session.hear(Word.START)
        session.take.give_up("it fell")
        session.discard(session.take.verdict.reason)

    for _ in range(RULES.patience - 1):
        discard()
    session.hear(Word.START)
    session.keep("0.safetensors")
    for _ in range(RULES.patience - 1):
        discard()
    with pytest.raises(RecordingFailed, match=r"4 episodes in a row.*because it fell"):
        discard()
    assert session.files == ["0.safetensors"]
    assert session.discarded == 2 * RULES.patience - 1


def test_seeds_that_run_out_are_said():
    session = Session(2, itertools.count(2**64 - 1), RULES)
    session.hear(Word.START)
    with pytest.raises(InvalidSeed, match=str(2**64)):
        session.keep("0.safetensors")
