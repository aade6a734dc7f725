"""What goals mean to a policy, and which are refused."""

from dataclasses import replace

import dm_env
import numpy as np
import pytest

from polytask_contract.errors import PolyTaskError
from polytask_learning import distil_settings
from polytask_learning.distilling.distil import distil
from polytask_learning.distilling.request import MODALITIES as KNOWN
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.goals.errors import InvalidGoal as InvalidTaskGoal
from polytask_learning.goals.errors import UnknownGoal
from polytask_learning.ros.goal_errors import InvalidGoal
from polytask_learning.ros.task_goal import MODALITIES, described, taken, wanted
from polytask_msgs.msg import TaskGoal
from polytask_ros.messages import MalformedMessage, image_message

TASKS = ("north_west", "south_east")
SEEN = dm_env.restart({"state": np.array([0.1, -0.2], np.float32)})


@pytest.fixture(scope="module", autouse=True)
def spoken():
    """Understand sentences by the words in them, instead of by a large model."""

    def encode(sentence):
        about = [float(word in sentence) for word in ("west", "east", "north", "cheese")]
        return np.array(about + [0.1] + [0.0] * 379, np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polytask_learning.goals.text.load_minilm", lambda: encode)
        yield


@pytest.fixture(scope="module")
def distilled(tmp_path_factory, make_teacher):
    """Return what makes policies, which have hardly learnt anything, for some kinds of goals."""
    place = tmp_path_factory.mktemp("runs")
    teachers = [make_teacher(place / task, task) for task in TASKS]
    tiny = replace(distil_settings.DISTIL_PRESETS["fast"], hidden=(16,), batch=16, updates=5)

    def distilled(*goals):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("polytask_learning.distilling.request.DISTIL_PRESETS", {"fast": tiny})
            path = place / "-".join(goals)
            distil(DistilRequest(goals=goals), teachers, path, lambda _: None)
        return UnifiedPolicy(path)

    return distilled


@pytest.fixture(scope="module")
def policy(distilled):
    return distilled(*KNOWN)


@pytest.fixture(scope="module")
def goals(policy):
    """Return a goal that means a task, in each modality."""
    pictures = {
        task: policy.book.of("image", number)[0].permute(1, 2, 0).numpy()
        for number, task in enumerate(TASKS)
    }

    def goals(task):
        index = TASKS.index(task)
        words = f"go to the {task.replace('_', ' ')}"
        return {
            "onehot": TaskGoal(modality=TaskGoal.ONE_HOT, index=index, count=len(TASKS)),
            "language": TaskGoal(modality=TaskGoal.TEXT, text=words),
            "image": TaskGoal(modality=TaskGoal.IMAGE, image=image_message(pictures[task])),
            "index": TaskGoal(modality=TaskGoal.INDEX, index=index),
        }

    return goals


@pytest.mark.parametrize("modality", KNOWN)
@pytest.mark.parametrize("task", TASKS)
def test_a_goal_in_a_message_is_the_goal_that_the_policy_has_learnt(policy, goals, task, modality):
    meant = wanted(policy, goals(task)[modality], task if modality == "image" else "")
    assert meant.task == task
    assert np.array_equal(meant.policy(SEEN), policy.policy_for(task, modality)(SEEN))


def test_what_a_goal_means_does_not_follow_from_where_it_is_to_be_done(policy, goals):
    for modality in ("onehot", "language", "index"):
        meant = wanted(policy, goals(TASKS[0])[modality], TASKS[1])
        assert meant.task == TASKS[0]
        assert np.array_equal(meant.policy(SEEN), policy.policy_for(TASKS[0], modality)(SEEN))


def test_a_paraphrase_is_shown_as_what_it_means(policy):
    meant = wanted(policy, TaskGoal(modality=TaskGoal.TEXT, text="north west please"), "")
    assert meant.task == "north_west"
    assert np.array_equal(meant.policy(SEEN), policy.policy_for("north_west", "language")(SEEN))


def test_the_message_knows_every_kind_of_goal(policy):
    assert tuple(MODALITIES.values()) == KNOWN
    assert taken(policy) == MODALITIES


def picture(rows, columns, **changes):
    message = image_message(np.zeros((rows, columns, 3), np.uint8))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


ALL = r"0 \(onehot\), 1 \(language\), 2 \(image\), 3 \(index\)"


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"modality": 9}, InvalidGoal, rf"goal.modality is 9; valid: {ALL}"),
        ({"modality": 0, "index": 0, "count": 3}, InvalidGoal, "goal.count is 3; valid: 2, the"),
        ({"modality": 0, "index": 0}, InvalidGoal, "goal.count is 0; valid: 2"),
        ({"modality": 0, "index": 2, "count": 2}, InvalidGoal, "goal.index is 2 of 2; valid: 0 to"),
        ({"modality": 1}, InvalidTaskGoal, "text of the goal is ''; valid: a sentence"),
        ({"modality": 1, "text": " \n"}, InvalidTaskGoal, "valid: a sentence"),
        (
            {"modality": 1, "text": "more cheese"},
            UnknownGoal,
            r"'more cheese' is like no task .*; the nearest are \w+ \(.*\), \w+ \(.*\); valid: 0.5",
        ),
        ({"modality": 2}, MalformedMessage, "encoding is ''; valid: 'rgb8'"),
        (
            {"modality": 2, "image": picture(24, 24, encoding="bgr8")},
            MalformedMessage,
            "encoding is 'bgr8'; valid: 'rgb8'",
        ),
        (
            {"modality": 2, "image": picture(24, 24, height=12)},
            MalformedMessage,
            "12 x 24 pixels cannot have step 72 and 1728 bytes",
        ),
        (
            {"modality": 2, "image": picture(12, 24)},
            InvalidTaskGoal,
            r"\(12, 24, 3\) uint8; valid: \(24, 24, 3\) uint8",
        ),
        ({"modality": 2, "image": picture(0, 0)}, PolyTaskError, r"valid: \(24, 24, 3\) uint8"),
        (
            {"modality": 3, "index": 2},
            UnknownGoal,
            r"no task at goal.index 2; valid: 0 \(north_west\), 1 \(south_east\)",
        ),
    ],
)
def test_what_is_no_goal_is_refused_with_the_valid_ones(policy, fields, error, said):
    with pytest.raises(error, match=said):
        wanted(policy, TaskGoal(**fields), "north_west")


def test_a_picture_does_not_say_in_which_task(policy, goals):
    with pytest.raises(InvalidGoal, match=r"task is empty, and .*; valid: north_west, south_east"):
        wanted(policy, goals(TASKS[0])["image"], "")


def test_a_kind_of_goal_that_the_policy_has_not_learnt_is_refused(distilled, goals):
    policy = distilled("onehot", "index")
    for modality, number in (("language", TaskGoal.TEXT), ("image", TaskGoal.IMAGE)):
        said = rf"goal.modality is {number}; valid: 0 \(onehot\), 3 \(index\)$"
        with pytest.raises(InvalidGoal, match=said):
            wanted(policy, goals(TASKS[0])[modality], TASKS[0])


@pytest.mark.parametrize(
    ("fields", "task", "said"),
    [
        ({"modality": 0, "index": 1}, "", "the onehot goal 1"),
        ({"modality": 1, "text": "go on"}, "", "the goal 'go on'"),
        ({"modality": 2}, "north_west", "a goal picture in north_west"),
        ({"modality": 3, "index": 7}, "", "the index goal 7"),
        ({"modality": 8, "index": 7}, "", "the modality 8 goal 7"),
    ],
)
def test_a_goal_is_told_of_before_it_is_understood(fields, task, said):
    assert described(TaskGoal(**fields), task) == said
