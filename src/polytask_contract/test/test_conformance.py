"""The contract's laws notice a world that breaks them, and name what broke it."""

import numpy as np
import pytest

from polytask_contract.conformance import BAD_ACTIONS, WRONG_TURNS, EnvironmentContract
from polytask_contract.environment import Turn
from polytask_contract.errors import ActionRefused


class Laws(EnvironmentContract):
    """The laws for environments that are handed to them."""

    def make(self, seed):
        raise NotImplementedError


@pytest.fixture
def laws():
    return Laws()


@pytest.fixture
def weak_corridor(plain_corridor):
    """Make corridors that an action moves although they refuse it, where `weak` says so."""

    def make(weak):
        class WeakCorridor(type(plain_corridor)):
            def act(self, turn, action):
                try:
                    return super().act(turn, action)
                except ActionRefused:
                    if weak(self.turn, turn, action):
                        self.place += 1e-3
                    raise

        return WeakCorridor("right", 0)

    return make


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_a_bad_action_that_moves_the_world_is_named_alone(
    laws, plain_corridor, weak_corridor, name
):
    bad = BAD_ACTIONS[name][0](1)
    environment = weak_corridor(
        lambda _turn, _sent, action: np.array_equal(action, bad, equal_nan=True)
    )
    undisturbed = laws.episode(plain_corridor, 5)
    with pytest.raises(pytest.fail.Exception, match=f"did not stay after: {name}$"):
        laws.test_bad_actions_are_refused_and_the_world_stays(environment, undisturbed)


@pytest.mark.parametrize("name", WRONG_TURNS)
def test_a_wrong_turn_that_moves_the_world_is_named_alone(
    laws, plain_corridor, weak_corridor, name
):
    change = WRONG_TURNS[name][0]
    environment = weak_corridor(
        lambda turn, sent, _action: (
            sent == Turn(turn.episode + change.episode, turn.step + change.step)
        )
    )
    undisturbed = laws.episode(plain_corridor, 5)
    with pytest.raises(pytest.fail.Exception, match=f"did not stay after: {name}$"):
        laws.test_actions_for_other_turns_are_refused_and_the_world_stays(environment, undisturbed)


def test_a_bad_action_that_is_taken_is_named(laws, plain_corridor):
    class Clipping(type(plain_corridor)):
        def act(self, turn, action):
            return super().act(turn, np.clip(action, -1, 1))

    undisturbed = laws.episode(plain_corridor, 5)
    with pytest.raises(AssertionError, match="infinite: was not refused"):
        laws.test_bad_actions_are_refused_and_the_world_stays(Clipping("right", 0), undisturbed)


def test_a_refusal_for_another_reason_is_named(laws, plain_corridor):
    class Confused(type(plain_corridor)):
        def act(self, turn, action):
            return super().act(turn, np.nan_to_num(action, nan=2.0))

    undisturbed = laws.episode(plain_corridor, 5)
    with pytest.raises(AssertionError, match="NaN: value 0 of the action is 2"):
        laws.test_bad_actions_are_refused_and_the_world_stays(Confused("right", 0), undisturbed)


def test_all_that_is_wrong_is_sent_where_an_episode_has_fewer_turns(laws, plain_corridor):
    sent = []

    class Listening(type(plain_corridor)):
        def act(self, turn, action):
            sent.append(np.asarray(action, np.float32))
            return super().act(turn, action)

    laws.steps = 4
    undisturbed = laws.episode(plain_corridor, 5)
    laws.test_bad_actions_are_refused_and_the_world_stays(Listening("right", 0), undisturbed)
    for build, _ in BAD_ACTIONS.values():
        bad = np.asarray(build(1), np.float32)
        assert sum(np.array_equal(one, bad, equal_nan=True) for one in sent) == 1
