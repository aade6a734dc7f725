"""Lessons have as many steps of each task, each step as likely as others of its task."""

from collections import Counter

import numpy as np
import pytest
import torch

from polytask_learning.data.lessons import Lessons
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.reservoir import InvalidSample
from polytask_learning.training.relabel import RELABELLED

TASKS = ("north_west", "north_east", "south_west", "south_east")
# Tasks differ in how much was kept of them.
COUNTS = (40, 10, 25, 40)


@pytest.fixture(scope="module", params=["state", "pixels"])
def data(request, tmp_path_factory, make_teacher):
    place = tmp_path_factory.mktemp("lessons")
    runs = [
        make_teacher(place / task, task, steps=steps, observations=request.param, seed=number)
        for number, (task, steps) in enumerate(zip(TASKS, COUNTS, strict=True))
    ]
    return [RelabelledData(run / RELABELLED) for run in runs]


def found_in(data, observations, actions):
    """Return which steps of `data` are those."""
    known, done = data.at(torch.arange(len(data)))
    alike = (known[None] == observations[:, None]).flatten(2).all(dim=2)
    alike &= (done[None] == actions[:, None]).all(dim=2)
    return alike


@pytest.mark.parametrize("tasks", [1, 3, 4, 9])
def test_each_task_has_as_many_steps_that_are_its_own(data, tasks):
    lesson = Lessons(data).draw(26, tasks, np.random.default_rng(0))
    count = min(tasks, 4)
    assert len(lesson.tasks) == len(set(lesson.tasks)) == count
    each = 26 // count
    assert len(lesson.observations) == len(lesson.actions) == each * count
    for place, task in enumerate(lesson.tasks):
        mine = slice(each * place, each * (place + 1))
        alike = found_in(data[task], lesson.observations[mine], lesson.actions[mine])
        assert alike.any(dim=1).all()


def test_tasks_and_their_steps_are_drawn_evenly(data):
    lessons, random = Lessons(data), np.random.default_rng(1)
    tasks, steps = Counter(), Counter()
    for _ in range(400):
        lesson = lessons.draw(2, 1, random)
        (task,) = lesson.tasks
        tasks[task] += 1
        if task == 1:
            alike = found_in(data[1], lesson.observations, lesson.actions).float()
            steps.update(alike.argmax(dim=1).tolist())
    # However little was kept of a task, it comes as often.
    assert all(70 < tasks[task] < 130 for task in range(4)), tasks
    assert len(steps) == COUNTS[1]


def test_a_lesson_depends_on_the_generator_alone(data):
    lessons = Lessons(data)
    one, other = (lessons.draw(12, 3, np.random.default_rng(5)) for _ in range(2))
    assert (one.tasks == other.tasks).all()
    assert torch.equal(one.observations, other.observations)
    assert torch.equal(one.actions, other.actions)


@pytest.mark.parametrize(("steps", "tasks"), [(2, 3), (5, 0), (0, 0)])
def test_more_tasks_than_steps_are_refused(data, steps, tasks):
    with pytest.raises(InvalidSample, match=f"{steps} steps of {tasks} tasks; valid: 1 task"):
        Lessons(data).draw(steps, tasks, np.random.default_rng(0))
