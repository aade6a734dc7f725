"""The robot as a world, on an arm of a few lines that follows what it is told."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from polytask_contract.errors import ResetFailed, WorldStopped
from polytask_contract.table import DOWN, FINGER_TRAVEL, LONGEST_MOVE, STATE_SIZE, TOOL_SIZE, Box
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.robot.approach import PATIENCE as APPROACH_PATIENCE
from polytask_xarm_driver.robot.robot_task import RobotTask, RobotTasks
from polytask_xarm_driver.robot.robot_world import (
    ATTEMPTS,
    LONGEST_LEAD,
    NEAR_START,
    RobotSettings,
    RobotWorld,
)
from polytask_xarm_driver.robot.senses import TRAVEL, ArmCondition, Patience, Scene, Senses

BOX = Box((0.3, -0.2, 0.1), (0.5, 0.2, 0.3))
TASKS = RobotTasks(
    "table",
    {
        "push": RobotTask(BOX, Box((0.35, -0.1, 0.2), (0.4, 0.1, 0.25)), DOWN, 0.0, False, 5),
        "lift": RobotTask(BOX, Box((0.35, -0.1, 0.2), (0.4, 0.1, 0.25)), DOWN, 0.02, False, 3),
    },
)
ACTIONS = arrays(np.float32, 4, elements=st.floats(-1, 1, width=32))


class Rig:
    """A clock, senses, and an arm that goes wherever it is told, `speed` metres a second."""

    def __init__(self, options=None, prepare=None, speed=1.0):
        self.now = 100.0
        self.speed = speed
        self.pose = Pose((0.4, 0.0, 0.15), DOWN)
        self.fingers = 0.0
        self.ready, self.reason = True, ""
        self.told = []
        self.scene = Scene("push", False, (np.array([0.4, 0.1, 0.1]),), (0.5,))
        self.senses = Senses(Patience(), lambda: self.now)
        options = options or RobotSettings(image=None)
        self.world = RobotWorld(
            TASKS, options, self.senses, self.told.append, prepare, lambda: self.now
        )

    def run(self, seconds):
        """Let time pass and the arm follow; everything is told a hundred times a second."""
        for _ in range(round(seconds / 0.01)):
            self.now += 0.01
            wanted = self.told[-1] if self.told else None
            if wanted is not None and self.ready:
                pose, self.fingers = wanted
                way = pose.position - self.pose.position
                share = min(1.0, self.speed * 0.01 / max(np.linalg.norm(way), 1e-9))
                self.pose = Pose(self.pose.position + share * way, pose.rotation)
            self.tell()

    def tell(self):
        self.senses.tool.hear(self.pose, self.now)
        self.senses.arm.hear(ArmCondition(self.ready, self.reason, self.fingers), self.now)
        self.senses.scene.hear(self.scene, self.now)
        self.senses.picture.hear(np.full((4, 4, 3), 7, np.uint8), self.now)

    def reset(self, task="push", seed=0, limit=60.0):
        """Return the first time step, or raise what the reset raises."""
        steps = self.world.begin(task, seed)
        deadline = self.now + limit
        while self.now < deadline:
            try:
                next(steps)
            except StopIteration as done:
                return done.value
            self.run(0.02)
        raise AssertionError("the reset did not end")

    def step(self, action):
        action = np.asarray(action, np.float32)
        self.world.anticipate(action)
        self.run(0.4)
        return self.world.advance(action)


def test_a_reset_ends_in_the_tasks_start_with_its_fingers():
    for seed in range(5):
        rig = Rig()
        first = rig.reset("lift", seed)
        assert first.first()
        start = TASKS.tasks["lift"].start
        place = first.observation["state"][:3]
        assert np.allclose(start.clip(place), place, atol=0.003)
        assert first.observation["state"][3] == pytest.approx(0.02)
        # It rests there until somebody acts.
        assert rig.told[-1] is None


def test_the_same_seed_begins_at_the_same_place():
    places = [Rig().reset("push", seed).observation["state"][:3] for seed in (3, 3, 4)]
    assert np.allclose(places[0], places[1], atol=0.004)
    assert not np.allclose(places[0], places[2], atol=0.004)


def resting_away(rig, *distances):
    """Have the arm run on by a distance [m] each time that it is told to rest at the start."""
    left = list(distances)

    def aim(wanted):
        if wanted is None and rig.told and rig.told[-1] is not None and left:
            rig.pose = Pose(rig.pose.position + np.array([left.pop(0), 0, 0]), rig.pose.rotation)
        rig.told.append(wanted)

    rig.world = RobotWorld(TASKS, RobotSettings(image=None), rig.senses, aim, now=lambda: rig.now)
    return rig


@settings(max_examples=25)
@given(st.lists(st.floats(-0.03, 0.03), max_size=ATTEMPTS - 1), st.integers(0, 99))
def test_however_far_an_arm_runs_on_a_reset_ends_near_the_start(distances, seed):
    place = resting_away(Rig(), *distances).reset("push", seed).observation["state"][:3]
    start = TASKS.tasks["push"].start.draw(np.random.default_rng(seed))
    assert np.linalg.norm(place - start) <= NEAR_START + 1e-6


def test_an_arm_that_never_rests_near_the_start_fails_the_reset_and_says_how_far_it_is():
    rig = resting_away(Rig(), *[0.02] * ATTEMPTS)
    text = r"rests \d+\.\d mm from its start after 5 attempts; valid: at most 5 mm"
    with pytest.raises(ResetFailed, match=text):
        rig.reset()
    assert rig.told[-1] is None


def test_a_reset_raises_the_tool_before_anything_else_moves():
    rig = Rig()
    rig.reset()
    aims = [pose.position for pose, _ in filter(None, rig.told)]
    sideways = next(
        number for number, place in enumerate(aims) if np.linalg.norm(place[:2] - [0.4, 0.0]) > 1e-3
    )
    assert aims[sideways][2] == pytest.approx(BOX.high[2], abs=0.003)


def test_a_reset_passes_over_the_start_without_a_rest_and_comes_down_on_it():
    rig = Rig(speed=0.3)
    steps = rig.world.begin("push", 3)
    way = []
    with contextlib.suppress(StopIteration):
        while True:
            next(steps)
            rig.run(0.02)
            way.append(rig.pose.position)
    way = np.array(way)
    start = way[-1]
    aside = np.linalg.norm(way[:, :2] - way[0, :2], axis=1) > 0.005
    under_way = way[aside & (np.linalg.norm(way - start, axis=1) > 0.005)]
    over_start = np.array([*start[:2], BOX.high[2]])
    assert np.linalg.norm(under_way - over_start, axis=1).min() < 0.01
    assert np.linalg.norm(np.diff(under_way, axis=0), axis=1).min() > 0.001
    # It comes down only where the start is.
    low = under_way[under_way[:, 2] < BOX.high[2] - 0.012]
    assert len(low)
    assert np.all(np.linalg.norm(low[:, :2] - start[:2], axis=1) < 0.012)


@settings(max_examples=25)
@given(st.lists(ACTIONS, min_size=1, max_size=4))
def test_an_action_moves_the_tool_by_its_own_length_within_the_box(actions):
    rig = Rig()
    before = rig.reset().observation["state"][:3]
    for action in actions:
        after = rig.step(action).observation["state"][:3]
        expected = BOX.clip(before + LONGEST_MOVE * action[:3])
        assert np.allclose(after, expected, atol=0.003)
        before = after


def test_of_several_actions_in_a_period_the_newest_counts_and_none_adds_up():
    rig = Rig()
    before = rig.reset().observation["state"][:3]
    for value in (1.0, -1.0, 0.5):
        rig.world.anticipate(np.array([value, 0, 0, 0], np.float32))
        rig.run(0.1)
    after = rig.step([0.5, 0, 0, 0]).observation["state"][:3]
    assert np.allclose(after - before, [0.5 * LONGEST_MOVE, 0, 0], atol=0.003)


def test_an_arm_that_is_held_back_is_never_asked_far_ahead():
    rig = Rig()
    rig.reset()
    rig.speed = 0.0
    for _ in range(4):
        rig.step([1, 1, 1, 0])
        (pose, _) = rig.told[-1]
        ahead = np.abs(pose.position - rig.pose.position)
        assert np.all(ahead <= LONGEST_LEAD + LONGEST_MOVE + 1e-9)


def test_fingers_follow_the_fourth_value():
    rig = Rig()
    rig.reset()
    assert rig.step([0, 0, 0, 1]).observation["state"][3] == pytest.approx(FINGER_TRAVEL)
    assert rig.step([0, 0, 0, 0]).observation["state"][3] == pytest.approx(FINGER_TRAVEL)
    assert rig.step([0, 0, 0, -1]).observation["state"][3] == 0.0


def test_an_episode_ends_after_its_tasks_steps_and_asks_for_nothing_more():
    rig = Rig()
    rig.reset("push")
    steps = [rig.step(np.zeros(4)) for _ in range(5)]
    assert [step.last() for step in steps] == [False] * 4 + [True]
    assert steps[-1].discount == 1.0
    assert rig.told[-1] is None


def test_a_halt_is_a_rest_in_mid_step_and_the_next_action_moves_on_from_there():
    rig = Rig(speed=0.05)
    rig.reset()
    rig.world.anticipate(np.array([1, 0, 0, 0], np.float32))
    rig.run(0.1)
    place = rig.pose.position
    rig.world.halt("the button was let go")
    assert rig.told[-1] is None
    rig.run(0.3)
    assert not rig.world.advance(np.zeros(4, np.float32)).last()
    rig.speed = 1.0
    after = rig.step([0, 1, 0, 0]).observation["state"][:3]
    assert np.allclose(after - place, [0, LONGEST_MOVE, 0], atol=0.003)


def test_rest_after_a_halt_leads_the_tool_nowhere():
    rig = Rig(speed=0.05)
    rig.reset()
    rig.world.anticipate(np.array([1, 0, 0, 0], np.float32))
    rig.run(0.1)
    rig.world.halt("the button was let go")
    told = len(rig.told)
    for _ in range(3):
        rig.step(np.zeros(4))
    assert len(rig.told) == told


def test_rest_after_a_reset_leads_the_tool_nowhere_but_the_first_move_does():
    # It ends near the start that was drawn, and not at it.
    rig = Rig(speed=0.3)
    rig.reset("push", 3)
    told, place = len(rig.told), rig.pose.position
    rig.step(np.zeros(4))
    assert len(rig.told) == told
    after = rig.step([1, 0, 0, 0]).observation["state"][:3]
    assert np.allclose(after - place, [LONGEST_MOVE, 0, 0], atol=1e-4)


def test_a_stop_asks_for_nothing_more():
    rig = Rig()
    rig.reset()
    rig.world.stop("enough")
    assert rig.told[-1] is None


def test_a_stop_without_a_known_pose_asks_for_nothing():
    rig = Rig()
    rig.world.stop("enough")
    assert rig.told
    assert not any(rig.told)


@pytest.mark.parametrize(
    ("lost", "text"),
    [
        ("tool", "no tool pose came for"),
        ("arm", "no status of the arm came for"),
        ("picture", "no picture came for"),
        ("scene", "no state of the scene came for"),
    ],
)
def test_what_is_not_seen_any_more_ends_the_episode_and_is_named(lost, text, monkeypatch):
    rig = Rig(RobotSettings(image=(4, 4), things=True))
    rig.reset()
    monkeypatch.setattr(getattr(rig.senses, lost), "hear", lambda *_: None)
    rig.world.anticipate(np.zeros(4, np.float32))
    rig.run(0.6)
    with pytest.raises(WorldStopped, match=text):
        rig.world.advance(np.zeros(4, np.float32))


def test_an_arm_that_stops_ends_the_episode_with_its_own_reason():
    rig = Rig()
    rig.reset()
    rig.ready, rig.reason = False, "C31: it hit something"
    rig.run(0.1)
    with pytest.raises(WorldStopped, match="C31: it hit something"):
        rig.world.advance(np.zeros(4, np.float32))


def test_pictures_and_poses_are_matched_by_their_stamps():
    rig = Rig(RobotSettings(image=(4, 4)))
    rig.reset()
    # The camera's picture is 0.1 s old by its stamp: the pose must be that of then.
    rig.world.anticipate(np.array([1, 0, 0, 0], np.float32))
    then = None
    for _ in range(40):
        rig.run(0.01)
        if then is None:
            then, when = rig.pose, rig.now
    rig.senses.picture.hear(np.zeros((4, 4, 3), np.uint8), when)
    sight = rig.senses.look(picture=True, scene=False)
    assert sight.stamp == when
    assert np.array_equal(sight.pose.position, then.position)
    assert sight.skew < 0.006


@settings(max_examples=30)
@given(
    period=st.sampled_from([0.002, 0.01, 0.04]),
    age=st.floats(0.0, 1.0),
    travel=st.floats(0.0, TRAVEL),
    limit=st.floats(0.25, 5.0),
)
def test_however_old_a_picture_may_be_the_pose_of_then_is_remembered(period, age, travel, limit):
    now = 0.0
    senses = Senses(Patience(picture=limit), lambda: now)
    begun = age * limit + travel
    for tick in range(round((begun + 1.0) / period)):
        now = 100.0 + tick * period
        senses.tool.hear(Pose((now, 0.0, 0.2), DOWN), now)
    senses.arm.hear(ArmCondition(True, "", 0.0), now)
    stamp = now - begun
    senses.picture.hear(np.zeros((4, 4, 3), np.uint8), stamp)
    sight = senses.look(picture=True, scene=False)
    assert sight.skew <= period
    assert sight.pose.position[0] == pytest.approx(stamp, abs=period)


def test_what_was_heard_too_long_ago_is_matched_to_nothing():
    # A clock that was set back gives stamps again that it has given long before.
    now = 100.0
    senses = Senses(Patience(), lambda: now)
    for stamp in (50.0, 70.0):
        senses.tool.hear(Pose((stamp, 0.0, 0.2), DOWN), stamp)
        now += Patience().picture + 2 * TRAVEL
    senses.tool.hear(Pose((70.0, 0.0, 0.2), DOWN), 70.0)
    senses.arm.hear(ArmCondition(True, "", 0.0), 50.0)
    senses.picture.hear(np.zeros((4, 4, 3), np.uint8), 50.0)
    with pytest.raises(WorldStopped, match=r"nearest tool pose is 20\.000 s"):
        senses.look(picture=True, scene=False)


@pytest.mark.parametrize("scene", [True, False])
def test_while_the_clock_of_the_stamps_stands_still_the_newest_is_seen(scene):
    senses = Senses(Patience(), lambda: 100.0)
    senses.arm.hear(ArmCondition(True, "", 0.0), 1.0)
    for way in (0.1, 0.2, 0.3):
        senses.tool.hear(Pose((way, 0.0, 0.2), DOWN), 1.0)
        senses.scene.hear(Scene("push", False, (np.full(3, way),), (way,)), 1.0)
    sight = senses.look(picture=False, scene=scene)
    assert sight.pose.position[0] == 0.3
    assert not scene or sight.scene.measures == (0.3,)


def test_stamps_too_far_apart_end_the_episode():
    rig = Rig(RobotSettings(image=(4, 4)))
    rig.reset()
    rig.run(0.4)
    rig.senses.picture.hear(np.zeros((4, 4, 3), np.uint8), rig.now + 3.0)
    with pytest.raises(
        WorldStopped, match=r"nearest tool pose is 3\.000 s from .*; valid: 0\.05 s"
    ):
        rig.world.advance(np.zeros(4, np.float32))


def test_the_operators_word_holds_until_the_next_reset():
    rig = Rig()
    assert not rig.reset().observation["success"]
    assert rig.step(np.zeros(4)).reward == 0.0
    rig.world.accomplish()
    done = rig.step(np.zeros(4))
    assert done.observation["success"]
    assert done.reward == 1.0
    assert rig.step(np.zeros(4)).observation["success"]
    assert not rig.reset(seed=1).observation["success"]


def test_the_scene_says_success_and_where_things_are():
    rig = Rig(RobotSettings(image=None, things=True, success="scene"))
    first = rig.reset()
    assert first.observation["state"].shape == (STATE_SIZE,)
    assert np.allclose(first.observation["state"][TOOL_SIZE:][:3], [0.4, 0.1, 0.1])
    rig.scene = rig.scene._replace(success=True)
    assert rig.step(np.zeros(4)).observation["success"]


def test_a_scene_of_another_task_is_no_start():
    rig = Rig(RobotSettings(image=None, success="scene"))
    with pytest.raises(ResetFailed, match="told of 'push'; valid: 'lift'"):
        rig.reset("lift")


def test_things_are_prepared_while_the_tool_is_up():
    asked = []

    def prepare(task, seed):
        asked.append((task, seed, rig.pose.position[2], rig.told[-1]))
        return lambda: True

    rig = Rig(prepare=prepare)
    rig.reset("push", 9)
    # And it rests meanwhile.
    assert asked == [("push", 9, pytest.approx(BOX.high[2], abs=0.003), None)]


def test_a_reset_waits_for_preparation_and_passes_on_why_it_failed():
    def prepare(task, seed):
        del task, seed
        left = iter([False, False])

        def done():
            if next(left, None) is None:
                raise ResetFailed("the cup is missing")
            return False

        return done

    with pytest.raises(ResetFailed, match="the cup is missing"):
        Rig(prepare=prepare).reset()


def test_a_reset_of_an_arm_that_stopped_or_is_not_there_says_so():
    rig = Rig()
    rig.ready, rig.reason = False, "the emergency stop is pressed"
    with pytest.raises(ResetFailed, match="the emergency stop is pressed"):
        rig.reset()
    rig = Rig()
    rig.tell = lambda: None
    with pytest.raises(ResetFailed, match="no status of the arm has come yet"):
        rig.reset()


def test_a_way_that_is_blocked_fails_the_reset_in_time():
    rig = Rig(speed=0.0)
    before = rig.now
    with pytest.raises(ResetFailed, match="came no nearer for 3 s; is something in its way"):
        rig.reset()
    assert rig.now - before < APPROACH_PATIENCE + 1.0
    assert rig.told[-1] is None


def on_the_way(rig):
    """Begin a reset, and return it while the tool is led."""
    steps = rig.world.begin("push", 0)
    while not (rig.told and rig.told[-1] is not None):
        next(steps)
        rig.run(0.02)
    return steps


def assert_stays(rig):
    """Assert that the arm is asked for nothing any more, also when it takes commands again."""
    assert rig.told[-1] is None
    place = rig.pose.position
    rig.ready = True
    rig.run(1.0)
    assert np.array_equal(rig.pose.position, place)


def test_a_reset_whose_arm_stops_on_the_way_leaves_no_command_behind():
    rig = Rig(speed=0.15)
    steps = on_the_way(rig)
    rig.ready, rig.reason = False, "the emergency stop is pressed"
    rig.tell()
    with pytest.raises(ResetFailed, match="the emergency stop is pressed"):
        next(steps)
    assert_stays(rig)


def test_a_reset_that_is_closed_or_breaks_on_the_way_leaves_no_command_behind():
    rig = Rig(speed=0.15)
    on_the_way(rig).close()
    assert_stays(rig)
    rig = Rig(speed=0.15)
    steps = on_the_way(rig)
    with pytest.raises(OSError, match="unforeseen"):
        steps.throw(OSError("unforeseen"))
    assert_stays(rig)


def test_a_way_that_began_by_old_news_begins_anew_where_the_tool_is():
    rig = Rig()
    steps = rig.world.begin("push", 1)
    for _ in range(5):
        next(steps)
        rig.run(0.02)
    # It was carried away, and is far from where it was said to be.
    rig.pose = Pose(rig.pose.position - [0.0, 0.09, 0.0], DOWN)
    rig.tell()
    next(steps)
    assert np.linalg.norm(rig.told[-1][0].position - rig.pose.position) < 0.01
    for _ in steps:
        rig.run(0.02)


def test_a_reset_never_aims_far_from_the_tool_nor_faster_than_asked():
    rig = Rig(RobotSettings(image=None, speed=0.1), speed=0.05)
    steps = rig.world.begin("push", 1)
    before = None
    for _ in steps:
        if rig.told and rig.told[-1] is not None:
            pose = rig.told[-1][0]
            assert np.linalg.norm(pose.position - rig.pose.position) < 0.033
            if before is not None:
                assert np.linalg.norm(pose.position - before) <= 0.1 * 0.02 + 1e-9
            before = pose.position
        rig.run(0.02)
    assert before is not None
