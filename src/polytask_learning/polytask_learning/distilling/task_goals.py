"""What a stage knows of a task: its goals in each modality, and the expert it is learnt from."""

import hashlib
from collections.abc import Sequence
from typing import Any

from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.suites import find_suite, sentences
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.teachers import Teacher
from polytask_learning.goals.book import GoalBook
from polytask_learning.training.request import PICTURE
from polytask_learning.training.trained import TrainedExpert

# Pictures that mean a task, of as many demonstrations.
MOST_PICTURES = 10


def entered(
    teacher: Teacher, book: GoalBook, demonstrations: EpisodeStore | None
) -> dict[str, Any]:
    """Return what a stage is to know of a teacher's task, whose goals go to `book`.

    Raise InvalidGoal where a modality is missing, or a goal means another task already.
    """
    label = teacher.label
    pictures = _pictures(teacher, demonstrations) if "image" in book.modalities else []
    goals = goals_of(label.suite, label.task, book, pictures)
    book.add_task(label.task, goals)
    return {
        "task": label.task,
        "sentences": list(goals.get("language", ())),
        "pictures": [hashlib.sha256(one.tobytes()).hexdigest() for one in goals.get("image", ())],
        "expert": label.expert,
        "steps": TrainedExpert(teacher.run).steps,
    }


def goals_of(
    suite: str, task: str, book: GoalBook, pictures: Sequence[Picture]
) -> dict[str, Sequence[Any]]:
    """Return the goals that the next task of `book` has, which `pictures` show."""
    number = len(book.tasks)
    goals: dict[str, Sequence[Any]] = {"onehot": [number], "index": [number]}
    if "language" in book.modalities:
        goals["language"] = sentences(find_suite(suite), task)
    if "image" in book.modalities:
        goals["image"] = pictures
    return goals


def size_of_goals(
    request: DistilRequest, first: Teacher, demonstrations: EpisodeStore | None
) -> tuple[int, int]:
    """Return the size of goal images where a policy sees no pictures otherwise."""
    found = _pictures(first, demonstrations) if "image" in request.goals else []
    return (found[0].shape[0], found[0].shape[1]) if found else PICTURE


def _pictures(teacher: Teacher, demonstrations: EpisodeStore | None) -> list[Picture]:
    found = demonstrated_goals(teacher.label.suite, teacher.label.task, demonstrations)
    own = teacher.data.goal_image
    return found or ([] if own is None else [own])


def demonstrated_goals(suite: str, task: str, demonstrations: EpisodeStore | None) -> list[Picture]:
    """Return the last pictures of the first demonstrations, those that have some."""
    if demonstrations is None:
        return []
    paths = demonstrations.paths(suite, task)[:MOST_PICTURES]
    episodes = [read_episode(path) for path in paths]
    return [one.goal_image for one in episodes if "image" in one.observations]
