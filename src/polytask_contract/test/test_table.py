"""What an action asks at a table, and what a state tells there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from polytask_contract.table import (
    AHEAD,
    DOWN,
    FINGER_TRAVEL,
    LARGEST_TILT,
    LONGEST_MOVE,
    READ_SIZE,
    STATE_SIZE,
    TOOL_SIZE,
    Box,
    Grasp,
    table_state,
    tool_state,
)

BOX = Box((0.3, -0.2, 0.1), (0.5, 0.2, 0.3))
START = Grasp(np.array([0.4, 0.0, 0.2]), 0.01, 0.3)
actions = arrays(np.float32, 4, elements=st.floats(-1, 1, width=32))


@given(actions, st.booleans(), st.floats(0.05, 1.0))
def test_a_move_stays_in_the_box_and_within_its_share_of_the_longest(action, tilts, share):
    moved = START.moved(action, BOX, tilts=tilts, share=share)
    assert np.all(moved.point >= BOX.low)
    assert np.all(moved.point <= BOX.high)
    assert np.abs(moved.point - START.point).max() <= share * LONGEST_MOVE + 1e-12
    assert abs(moved.tilt) <= LARGEST_TILT
    assert moved.fingers in (0.0, START.fingers, FINGER_TRAVEL)


@given(actions)
def test_the_fourth_value_moves_the_fingers_or_the_tilt_and_never_both(action):
    held, free = START.moved(action, BOX, tilts=True), START.moved(action, BOX, tilts=False)
    assert held.fingers == START.fingers
    assert free.tilt == START.tilt


@pytest.mark.parametrize(
    ("value", "fingers"),
    [(0.6, FINGER_TRAVEL), (0.5, 0.01), (0.0, 0.01), (-0.5, 0.01), (-0.6, 0.0)],
)
def test_fingers_open_above_a_half_and_close_below_minus_a_half(value, fingers):
    assert START.moved(np.array([0, 0, 0, value]), BOX, tilts=False).fingers == fingers


def test_rest_asks_for_nothing():
    for tilts in (True, False):
        moved = START.moved(np.zeros(4, np.float32), BOX, tilts=tilts)
        assert np.array_equal(moved.point, START.point)
        assert moved[1:] == START[1:]


@given(st.floats(-2, 2))
def test_a_tilt_turns_about_the_tools_own_z(tilt):
    for turned in (DOWN, AHEAD):
        rotation = Grasp(START.point, 0.0, tilt).rotation(turned)
        assert np.allclose(rotation @ rotation.T, np.eye(3))
        assert np.isclose(np.linalg.det(rotation), np.linalg.det(turned))
        assert np.allclose(rotation[:, 2], turned[:, 2])


def test_a_state_tells_the_tool_first_and_zeros_where_nothing_is():
    cup, lid = np.array([0.4, 0.1, 0.05]), np.array([0.5, 0.1, 0.1])
    state = table_state(START, [cup, lid], [0.7])
    assert state.shape == (STATE_SIZE,)
    assert np.array_equal(state[:TOOL_SIZE], tool_state(START))
    assert np.array_equal(state[5:11], [*cup, *lid])
    assert not state[11:17].any()
    assert np.array_equal(state[17:READ_SIZE], [0.7, 0.0])
    # In tenths of a metre: tool to cup and lid, nothing twice, then cup to lid.
    assert np.allclose(state[READ_SIZE:][:6], [0.0, 1.0, -1.5, 1.0, 1.0, -1.0])
    assert np.allclose(state[READ_SIZE + 12 :][:3], [1.0, 0.0, 0.5])
