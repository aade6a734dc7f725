"""The kitchen's expert does each task, nothing else, and holds it; its parts keep their word."""

import numpy as np
import pytest

from polytask_contract.errors import InvalidSpecification, UnknownName
from polytask_contract.specification import Observations
from polytask_contract.success import RULES
from polytask_sim.kitchen.courses import COURSES
from polytask_sim.kitchen.kinematics import ARM, KitchenKinematics, hand_frame
from polytask_sim.suites.kitchen import THINGS, KitchenSuite

STATE = Observations(image=None)
HOLD = 20
# Above the stove; the hand as it starts, and turned down.
PLACE = np.array([-0.3, 0.4, 2.1])
AHEAD, DOWN = (0.0, 1.0, 0.0), (0.0, 1.0, -1.0)


@pytest.fixture
def kitchen():
    """Make kitchens that are closed when the test ends."""
    made = []

    def make(task, observations=STATE):
        made.append(KitchenSuite().make(task, 0, observations))
        return made[-1]

    yield make
    for environment in made:
        environment.close()


def perform(environment, policy, seed, hold=HOLD):
    """Run an episode until success has been up `hold` times on end; return steps and actions."""
    timesteps, actions = [environment.reset(seed)], []
    while not timesteps[-1].last() and not all(successes(timesteps[-hold:])):
        actions.append(policy(timesteps[-1]))
        timesteps.append(environment.step(actions[-1]))
    return timesteps, actions


def successes(timesteps):
    return [bool(timestep.observation["success"]) for timestep in timesteps]


def marked(timestep, success):
    """Return `timestep` with another `success`."""
    return timestep._replace(observation={**timestep.observation, "success": np.array(success)})


# In the orders that are hardest: what was moved first is in the way later.
SEQUENCES = (
    "microwave+kettle",
    "kettle+microwave+slide-cabinet+light-switch+top-burner+bottom-burner",
)


@pytest.mark.parametrize("task", [*THINGS, *SEQUENCES])
def test_the_expert_does_what_is_asked_and_nothing_else_and_holds_it(kitchen, task):
    timesteps, actions = perform(kitchen(task), KitchenSuite().demonstrator(task), 3)
    up = successes(timesteps)
    assert not up[0]
    assert all(up[-HOLD:])
    assert all(rule(up) for rule in RULES.values())
    assert sum(timestep.reward for timestep in timesteps[1:]) == len(task.split("+"))
    assert {(action.dtype, action.shape) for action in actions} == {(np.dtype(np.float32), (9,))}
    assert np.abs(actions).max() <= 1.0


def test_while_success_is_up_arm_and_fingers_stay_as_they_are(kitchen):
    timesteps, actions = perform(kitchen("microwave"), KitchenSuite().demonstrator("microwave"), 0)
    joints = np.array([timestep.observation["state"][:ARM] for timestep in timesteps])
    # The servos still run a little when success comes, and the joints are seen through noise.
    assert np.abs(joints[-1] - joints[-HOLD + 5]).max() < 0.02
    fingers = np.array(actions)[-HOLD:, ARM:]
    assert (fingers == fingers[0]).all()


def test_the_expert_goes_on_when_success_falls(kitchen):
    policy = KitchenSuite().demonstrator("slide-cabinet")
    timesteps, _ = perform(kitchen("slide-cabinet"), policy, 0, hold=1)
    still = policy(timesteps[-1])
    again = policy(marked(timesteps[-1], False))
    assert np.array_equal(policy(timesteps[-1]), still)
    assert np.abs(again - still)[:ARM].max() > 0.1


def test_the_expert_takes_hold_again_of_what_slips_from_its_hand(kitchen):
    expert, random, wanted = KitchenSuite().demonstrator("microwave"), np.random.default_rng(0), []

    def unsteady(timestep):
        wanted.append(expert(timestep))
        return np.clip(wanted[-1] + random.normal(0, 0.1, 9), -1, 1)

    timesteps, _ = perform(kitchen("microwave"), unsteady, 0)
    assert all(successes(timesteps)[-HOLD:])
    # The fingers closed, opened and closed again.
    assert (np.diff([action[-1] for action in wanted]) < 0).sum() > 1


def test_the_expert_starts_anew_with_each_episode(kitchen):
    policy = KitchenSuite().demonstrator("light-switch")
    environment = kitchen("light-switch")
    first = perform(environment, policy, 5)[1]
    assert np.array_equal(perform(environment, policy, 5)[1], first)


def test_the_expert_knows_no_other_task_and_needs_the_state(kitchen):
    for task in ("oven", "kettle+kettle", "kettle+", ""):
        with pytest.raises(UnknownName, match="valid: bottom-burner, top-burner"):
            KitchenSuite().demonstrator(task)
    blind = kitchen("kettle", Observations(state=False))
    with pytest.raises(InvalidSpecification, match="needs the state"):
        KitchenSuite().demonstrator("kettle")(blind.reset(0))


def test_each_thing_has_a_course_around_a_body_that_there_is(kitchen):
    calculator = KitchenKinematics()
    calculator.see(kitchen("kettle").reset(0).observation["state"])
    assert set(COURSES) == set(THINGS.values())
    for course in COURSES.values():
        assert np.isfinite(calculator.place(course.body, np.zeros(3))).all()


@pytest.mark.parametrize("pointing", [AHEAD, DOWN])
def test_an_approach_ends_at_its_place(kitchen, pointing):
    environment, calculator = kitchen("kettle"), KitchenKinematics()
    timestep, frame = environment.reset(0), hand_frame(np.array(pointing))
    for _ in range(60):
        calculator.see(timestep.observation["state"])
        lead = calculator.approach(PLACE, frame, longest=0.06)
        timestep = environment.step(np.append(calculator.servo(lead), [0, 0]))
    assert np.linalg.norm(calculator.tip - PLACE) < 0.01
    assert np.linalg.norm(calculator.misalignment(frame)) < 0.05


def test_the_hand_points_where_it_is_asked_to_and_opens_to_the_sides():
    frame = hand_frame(np.array(DOWN))
    assert np.allclose(frame.T @ frame, np.eye(3))
    assert np.isclose(np.linalg.det(frame), 1.0)
    assert np.allclose(frame[:, 2], np.array(DOWN) / np.sqrt(2))
    assert np.allclose(frame[:, 1], [1, 0, 0])


def test_an_arm_that_is_led_nowhere_does_not_sink(kitchen):
    environment, calculator = kitchen("kettle"), KitchenKinematics()
    timestep, heights = environment.reset(0), []
    for _ in range(40):
        calculator.see(timestep.observation["state"])
        heights.append(calculator.tip[2])
        timestep = environment.step(np.append(calculator.servo(np.zeros(ARM)), [0, 0]))
    assert np.ptp(heights) < 0.01
