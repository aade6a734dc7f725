"""Files of a robot's tasks, good and bad."""

import numpy as np
import pytest
import yaml

from polytask_contract.errors import UnknownName
from polytask_contract.table import DOWN
from polytask_xarm_driver.robot.robot_task import InvalidTasks, find_tasks, read_tasks

GOOD = {
    "box": [[0.3, -0.2, 0.1], [0.5, 0.2, 0.3]],
    "start": [[0.35, -0.1, 0.2], [0.4, 0.1, 0.25]],
    "turned": "down",
    "fingers": 0.01,
    "tilts": False,
    "steps": 40,
}


def written(path, content):
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_task_is_what_its_entry_says(tmp_path):
    path = written(tmp_path / "lab.yaml", {"suite": "lab", "tasks": {"push": GOOD}})
    read = read_tasks(find_tasks(str(path)))
    task = read.tasks["push"]
    assert read.suite == "lab"
    assert task.box.high == (0.5, 0.2, 0.3)
    assert np.array_equal(task.turned, DOWN)
    assert (task.fingers, task.tilts, task.steps) == (0.01, False, 40)


def test_a_name_is_looked_up_among_those_that_come_along():
    assert read_tasks(find_tasks("xarm7_table")).suite == "xarm"
    with pytest.raises(
        UnknownName, match=r"'tabel'; valid: xarm7_table, a path that ends in .yaml"
    ):
        find_tasks("tabel")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"box": [[0.5, 0, 0], [0.3, 0, 0]]}, "box is"),
        ({"box": [[0.3, 0], [0.5, 0]]}, "box is"),
        ({"box": "large"}, "box is 'large'"),
        ({"start": [[0.1, 0, 0.2], [0.4, 0, 0.2]]}, "leaves the box"),
        ({"turned": "up"}, "turned is 'up'; valid: down, ahead"),
        ({"fingers": 0.5}, r"fingers is 0.5; valid: 0 to 0.042 m"),
        ({"fingers": True}, "fingers is True"),
        ({"tilts": "no"}, "tilts is 'no'; valid: true or false"),
        ({"steps": 0}, "steps is 0; valid: a number from 1 up"),
        ({"speed": 1}, "valid: exactly box, start, turned, fingers, tilts, steps"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file_and_task(tmp_path, change, text):
    path = written(tmp_path / "lab.yaml", {"suite": "lab", "tasks": {"push": {**GOOD, **change}}})
    with pytest.raises(InvalidTasks, match=text) as caught:
        read_tasks(path)
    assert f"{path}: push" in str(caught.value)


@pytest.mark.parametrize(
    "content", [{}, [1], {"suite": "", "tasks": {"a": GOOD}}, {"suite": "lab", "tasks": {}}]
)
def test_a_file_of_something_else_is_refused(tmp_path, content):
    with pytest.raises(InvalidTasks, match=r"lab\.yaml"):
        read_tasks(written(tmp_path / "lab.yaml", content))


def test_a_file_that_is_not_there_or_no_yaml_is_refused(tmp_path):
    with pytest.raises(InvalidTasks, match="cannot be read"):
        read_tasks(tmp_path / "none.yaml")
    (tmp_path / "lab.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(InvalidTasks, match="cannot be read"):
        read_tasks(tmp_path / "lab.yaml")
