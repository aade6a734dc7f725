"""The laws of the environment contract, as one test class that every implementation inherits.

    class TestMyEnvironment(EnvironmentContract):
        def make(self, seed: int) -> Environment:
            return MyEnvironment(task="reach", seed=seed)

It needs pytest, which nothing else in this package does.
"""

import abc
from collections.abc import Callable, Iterator
from typing import Any

import dm_env
import numpy as np
import pytest

from polytask_contract.environment import Environment, Turn
from polytask_contract.errors import ActionRefused, EnvironmentClosed, InvalidSeed, Refusal

Trace = list[tuple[Any, ...]]
# A wrong answer: the refusal that is due, how far its turn is from the open one, and its action.
Wrong = tuple[Refusal, Turn, Any]

BAD_ACTIONS: dict[str, tuple[Callable[[int], Any], Refusal]] = {
    "too long": (lambda size: np.zeros(size + 1), Refusal.WRONG_SIZE),
    "too short": (lambda size: np.zeros(size - 1), Refusal.WRONG_SIZE),
    "of two dimensions": (lambda size: np.zeros((1, size)), Refusal.WRONG_SIZE),
    "a scalar": (lambda _: 0.0, Refusal.WRONG_SIZE),
    "NaN": (lambda size: np.full(size, np.nan), Refusal.NOT_FINITE),
    "infinite": (lambda size: np.full(size, -np.inf), Refusal.NOT_FINITE),
    "above": (lambda size: np.full(size, 1.001), Refusal.OUT_OF_RANGE),
    "below in one value": (lambda size: -1.5 * np.eye(size)[-1], Refusal.OUT_OF_RANGE),
}
WRONG_TURNS: dict[str, tuple[Turn, Refusal]] = {
    "of the next episode": (Turn(1, 0), Refusal.WRONG_EPISODE),
    "of the next step": (Turn(0, 1), Refusal.WRONG_STEP),
    "of the step before": (Turn(0, -1), Refusal.WRONG_STEP),
}


def flat(timestep: dm_env.TimeStep) -> tuple[Any, ...]:
    """Return everything in `timestep` as bytes and numbers that compare bit for bit."""
    observation = timestep.observation
    arrays = tuple((name, np.asarray(observation[name]).tobytes()) for name in sorted(observation))
    return (timestep.step_type, timestep.reward, timestep.discount, arrays)


class EnvironmentContract(abc.ABC):
    """Laws that hold for every Environment; `steps` bounds the length of the costly ones."""

    steps = 12

    @abc.abstractmethod
    def make(self, seed: int) -> Environment:
        """Return a new environment whose unseeded resets follow from `seed`."""

    @pytest.fixture
    def environment(self) -> Iterator[Environment]:
        """Give one environment, and close it when the test ends."""
        environment = self.make(0)
        yield environment
        environment.close()

    @pytest.fixture(scope="class")
    @classmethod
    def kept(cls) -> list[Trace]:
        """Give a place for what one test lives and others compare with."""
        return []

    @pytest.fixture
    def undisturbed(self, kept: list[Trace]) -> Trace:
        """Give the trace of seed 5 in an environment of seed 0, lived once for all tests."""
        if not kept:
            kept.extend(self.episodes(0, 5))
        return kept[0]

    def actions(self, environment: Environment) -> list[Any]:
        """Return the same valid actions every time: random ones, then both ends of the range."""
        size = environment.specification.action_size
        random = np.random.default_rng(7).uniform(-1, 1, (self.steps - 2, size))
        return [*random.astype(np.float32), np.ones(size, np.float32), -np.ones(size, np.float32)]

    def episode(self, environment: Environment, seed: int | None) -> Trace:
        """Return the trace of `actions` after a reset, cut at the end of the episode."""
        trace = [flat(environment.reset(seed))]
        for action in self.actions(environment):
            timestep = environment.step(action)
            trace.append(flat(timestep))
            if timestep.last():
                break
        return trace

    def alike(self, one: Trace, other: Trace) -> bool:
        """Tell whether two traces are of the same episode: bit for bit, where physics is not real.

        An environment of a robot tells it within what its robot can repeat.
        """
        return one == other

    def test_a_reset_begins_at_step_zero(self, environment: Environment) -> None:
        """The first time step carries no reward, and its turn is step 0."""
        timestep = environment.reset(1)
        assert timestep.first()
        assert timestep.reward is None
        assert timestep.discount is None
        assert environment.turn is not None
        assert environment.turn.step == 0

    def test_observations_match_the_specification_at_every_step(
        self, environment: Environment
    ) -> None:
        """Keys, shapes, types and bounds are the promised ones; rewards are finite."""
        timestep = environment.reset(1)
        for action in self.actions(environment):
            check_observation(environment, timestep)
            timestep = environment.step(action)
            if timestep.last():
                break
            assert np.isfinite(timestep.reward)
            assert timestep.discount == 1.0
        check_observation(environment, timestep)

    def test_every_action_is_answered_exactly_once(self, environment: Environment) -> None:
        """Each action moves the turn by one step of the same episode."""
        environment.reset(1)
        first = environment.turn
        assert first is not None
        for count, action in enumerate(self.actions(environment), start=1):
            timestep = environment.step(action)
            assert environment.turn == (
                None if timestep.last() else Turn(first.episode, first.step + count)
            )
            if timestep.last():
                break

    def episodes(self, seed: int, *episode_seeds: int | None) -> list[Trace]:
        """Return the traces of one episode a seed, lived in a new environment of `seed`."""
        environment = self.make(seed)
        try:
            return [self.episode(environment, episode_seed) for episode_seed in episode_seeds]
        finally:
            environment.close()

    def test_the_same_seed_gives_the_same_episode(self, undisturbed: Trace) -> None:
        """In the same environment again and in another one."""
        elsewhere, again = self.episodes(99, 5, 5)
        assert self.alike(elsewhere, undisturbed)
        assert self.alike(again, elsewhere)

    def test_another_seed_gives_another_episode(
        self, undisturbed: Trace, environment: Environment
    ) -> None:
        """Chance is really drawn from the seed."""
        assert not self.alike(self.episode(environment, seed=6), undisturbed)

    def test_unseeded_episodes_follow_from_the_environments_seed(self) -> None:
        """Two environments of one seed live the same sequence of different episodes."""
        first, second = self.episodes(6, None, None)
        again = self.episodes(6, None, None)
        assert self.alike(again[0], first)
        assert self.alike(again[1], second)
        assert not self.alike(first, second)

    def test_an_episode_ends_and_the_next_begins(self, environment: Environment) -> None:
        """LAST comes by the specified length; a step after it begins another episode."""
        timestep = environment.reset(1)
        before: Any = environment.turn
        steps = 0
        rest = np.zeros(environment.specification.action_size)
        while not timestep.last() and steps < (environment.specification.episode_length or 500):
            timestep = environment.step(rest)
            steps += 1
        if environment.specification.episode_length:
            assert timestep.last()
        elif not timestep.last():
            return
        assert timestep.discount in (0.0, 1.0)
        assert environment.turn is None
        assert environment.step(rest).first()
        following: Any = environment.turn
        assert following.episode != before.episode

    def test_a_step_before_any_reset_begins_an_episode(self, environment: Environment) -> None:
        """As dm_env has it: the action is ignored."""
        assert environment.step(np.zeros(environment.specification.action_size)).first()

    def test_bad_actions_are_refused_and_the_world_stays(
        self, environment: Environment, undisturbed: Trace
    ) -> None:
        """Each error says why, and the episode goes on as if nothing had been sent."""
        size, here = environment.specification.action_size, Turn(0, 0)
        wrong = {name: (why, here, build(size)) for name, (build, why) in BAD_ACTIONS.items()}
        self.check_world_stays(environment, undisturbed, wrong)

    def test_actions_for_other_turns_are_refused_and_the_world_stays(
        self, environment: Environment, undisturbed: Trace
    ) -> None:
        """A future, a past or a foreign turn cannot be answered."""
        rest = np.zeros(environment.specification.action_size)
        wrong = {name: (why, change, rest) for name, (change, why) in WRONG_TURNS.items()}
        self.check_world_stays(environment, undisturbed, wrong)

    def check_world_stays(
        self, environment: Environment, undisturbed: Trace, wrong: dict[str, Wrong]
    ) -> None:
        """Assert that nothing `wrong` disturbs an episode; name what does.

        One is sent a turn, as many in an episode as it has turns from the second on: where physics
        is real, time runs meanwhile. Where that disturbs it, each is sent in an episode of its own.
        """
        turns = max(1, len(undisturbed) - 2)
        for first in range(0, len(wrong), turns):
            some = list(wrong)[first : first + turns]
            if self.alike(self.disturbed(environment, wrong, some), undisturbed):
                continue
            guilty = [
                name
                for name in some
                if not self.alike(self.disturbed(environment, wrong, [name]), undisturbed)
            ]
            pytest.fail(f"the world did not stay after: {', '.join(guilty or ['all of', *some])}")

    def disturbed(
        self, environment: Environment, wrong: dict[str, Wrong], names: list[str]
    ) -> Trace:
        """Return the trace of an episode in which one of `names` is refused a turn."""
        trace = [flat(environment.reset(5))]
        for step, action in enumerate(self.actions(environment)):
            if 0 < step <= len(names):
                check_refusal(environment, names[step - 1], wrong[names[step - 1]])
            timestep = environment.step(action)
            trace.append(flat(timestep))
            if timestep.last():
                break
        return trace

    @pytest.mark.parametrize("seed", [-1, 2**64])
    def test_a_bad_seed_is_refused_and_the_episode_goes_on(
        self, environment: Environment, seed: int
    ) -> None:
        """A seed has 64 bits, in a message and everywhere."""
        environment.reset(1)
        turn = environment.turn
        with pytest.raises(InvalidSeed, match=str(seed)):
            environment.reset(seed)
        assert environment.turn == turn

    def test_no_turn_can_be_answered_before_a_reset(self, environment: Environment) -> None:
        """There is no episode yet."""
        with pytest.raises(ActionRefused) as caught:
            environment.act(Turn(1, 0), np.zeros(environment.specification.action_size))
        assert caught.value.refusal == Refusal.NO_EPISODE

    def test_what_was_handed_out_is_never_written_again(self, environment: Environment) -> None:
        """Earlier observations, and the caller's actions, stay as they were."""
        timesteps = [environment.reset(1)]
        kept = [flat(timesteps[0])]
        for action in self.actions(environment):
            given = action.copy()
            timesteps.append(environment.step(action))
            assert np.array_equal(action, given)
            action[:] = 0
            kept.append(flat(timesteps[-1]))
            if timesteps[-1].last():
                break
        assert [flat(timestep) for timestep in timesteps] == kept

    def test_a_closed_environment_says_so(self, environment: Environment) -> None:
        """Closing twice is fine, using it afterwards is not."""
        environment.reset(1)
        environment.close()
        environment.close()
        with pytest.raises(EnvironmentClosed):
            environment.reset(1)


def check_refusal(environment: Environment, name: str, wrong: Wrong) -> None:
    """Assert that a wrong answer is refused as it should be and leaves the turn open."""
    (refusal, change, action), turn, told = wrong, environment.turn, None
    assert turn is not None
    try:
        environment.act(Turn(turn.episode + change.episode, turn.step + change.step), action)
    except ActionRefused as error:
        told = error
    assert told is not None, f"{name}: was not refused"
    assert told.refusal == refusal, f"{name}: {told}"
    assert environment.turn == turn, name


def check_observation(environment: Environment, timestep: dm_env.TimeStep) -> None:
    """Assert that the observation of `timestep` is one of the specification."""
    expected = environment.observation_spec()
    assert set(timestep.observation) == set(expected)
    for name, spec in expected.items():
        spec.validate(timestep.observation[name])
