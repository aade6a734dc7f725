"""Goals of each kind, and the table that keeps each once."""

import itertools
import math
import socket

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from polytask_contract.errors import UnknownName
from polytask_contract.suites import find_suite, sentences
from polytask_learning.goals import text as text_module
from polytask_learning.goals.book import GoalBook
from polytask_learning.goals.errors import InvalidGoal, TextModelMissing, UnknownGoal
from polytask_learning.goals.image import GoalImage
from polytask_learning.goals.one_hot import OneHot
from polytask_learning.goals.sinusoid import Sinusoid
from polytask_learning.goals.table import GoalTable
from polytask_learning.goals.text import PACKAGES, Text
from polytask_learning.goals.understanding import understood


class Letters:
    """Stands in for MiniLM: counts of letters, and of how often it was asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, sentence):
        self.asked += 1
        return np.array([sentence.count(letter) for letter in "abcd"], dtype=np.float64)


def picture(seed=0, rows=4, columns=6):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


MODALITIES = {
    "onehot": (OneHot(3, 8), [0, 1, 2]),
    "index": (Sinusoid(16), [0, 7, 100_000]),
    "language": (Text(Letters(), 4), ["a cab", "abba"]),
    "image": (GoalImage(4, 6), [picture(0), picture(1)]),
}
ALL = pytest.mark.parametrize("name", MODALITIES)


@ALL
def test_a_goal_is_always_the_same_tensor_of_the_promised_form(name):
    modality, goals = MODALITIES[name]
    assert modality.name == name
    for goal in goals:
        value = modality(goal)
        assert (value.shape, value.dtype) == (modality.shape, modality.dtype)
        value.zero_()
        assert torch.equal(modality(goal), modality(goal))
        assert modality(goal).any()


@ALL
def test_different_goals_are_different_tensors(name):
    modality, goals = MODALITIES[name]
    values = torch.stack([modality(goal) for goal in goals])
    assert len(values.unique(dim=0)) == len(goals)


def test_one_hot_goals_are_the_unit_vectors():
    goal = OneHot(4)
    assert torch.equal(torch.stack([goal(index) for index in range(4)]), torch.eye(4))


@given(some.integers(1, 20), some.integers(0, 40))
def test_a_larger_one_hot_goal_repeats_the_unit_vectors(count, more):
    goal = OneHot(count, count + more)
    values = torch.stack([goal(index) for index in range(count)])
    assert torch.equal(values, torch.eye(count).repeat(1, 42)[:, : count + more])
    # Each place belongs to one goal.
    assert torch.equal(values.sum(0), torch.ones(count + more))


@pytest.mark.parametrize("index", [0, 5, 1_234_567])
def test_a_sinusoidal_goal_is_the_published_formula(index):
    found = Sinusoid(6)(index).tolist()
    waves = [10_000 ** (-k / 6) for k in (0, 2, 4)]
    expected = [function(index * wave) for wave in waves for function in (math.sin, math.cos)]
    assert found == pytest.approx(expected, abs=1e-6)


@given(some.integers(0, 1000), some.integers(0, 1000))
def test_sinusoidal_goals_are_as_alike_as_their_indices_are_near(first, second):
    goal = Sinusoid(32)
    alike = goal(first) @ goal(second)
    assert alike.item() == pytest.approx((goal(0) @ goal(abs(first - second))).item(), abs=1e-3)
    assert goal(first).norm().item() == pytest.approx(4, abs=1e-4)


def test_a_goal_image_is_the_picture_with_its_channels_first():
    shown = picture()
    value = GoalImage(4, 6)(shown)
    assert np.array_equal(value.permute(1, 2, 0).numpy(), shown)
    shown[:] = 0
    assert value.any()


def test_a_locked_picture_will_do():
    shown = picture()
    shown.flags.writeable = False
    assert GoalImage(4, 6)(shown).dtype == torch.uint8


def test_a_sentence_is_encoded_once_and_blanks_do_not_matter():
    letters = Letters()
    goal = Text(letters, 4)
    assert torch.equal(goal("a cab"), goal("  a cab\n"))
    assert letters.asked == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneHot(3)(3), "the one-hot goal is 3; valid: 0 to 2"),
        (lambda: OneHot(3)(-1), "the one-hot goal is -1"),
        (lambda: OneHot(0), "0 one-hot goals; valid: 1 or more"),
        (lambda: OneHot(3, 2), "the size of 3 one-hot goals is 2; valid: 3 or more"),
        (lambda: Sinusoid(8)(-1), "the index goal is -1; valid: 0 or more"),
        (lambda: Sinusoid(7), "is 7; valid: 2, 4, 6"),
        (lambda: GoalImage(0, 6), "0 by 6; valid: 1 by 1 or more"),
        (lambda: GoalImage(4, 6)(picture().T), r"\(3, 6, 4\) uint8; valid: \(4, 6, 3\) uint8"),
        (lambda: GoalImage(4, 6)(picture() / 255), "float64; valid: "),
        (lambda: Text(Letters(), 4)(" \t"), r"' \\t'; valid: a sentence"),
        (
            lambda: Text(Letters(), 4)("a" * 501),
            "501 letters; valid: up to 500",
        ),
        (lambda: Text(Letters(), 4)("go \udcff"), r"'go \\udcff'; valid: text in UTF-8"),
        (lambda: Text(Letters(), 5)("cab"), r"made \(4,\) of 'cab'; valid: \(5,\)"),
        (lambda: Text(lambda _: [math.nan], 1)("cab"), "all finite"),
    ],
)
def test_what_is_no_goal_is_refused(make, message):
    with pytest.raises(InvalidGoal, match=message):
        make()


def test_without_its_model_text_says_what_to_install(monkeypatch):
    def nothing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(text_module.importlib, "import_module", nothing)
    goal = Text()
    for package in PACKAGES:
        with pytest.raises(TextModelMissing, match=f"pip install .*{package}"):
            goal("open the drawer")


def test_minilm_hears_what_is_meant(monkeypatch, capfd):
    def no_net(*_):
        pytest.fail("the net was asked")

    monkeypatch.setattr(socket.socket, "connect", no_net)
    goal = Text()
    drawer, same, hammer = map(goal, ("open the drawer", "pull the drawer open", "hammer the nail"))
    assert drawer.shape == (384,)
    assert torch.cosine_similarity(drawer, same, dim=0) > 0.8
    assert torch.cosine_similarity(drawer, hammer, dim=0) < 0.5
    assert capfd.readouterr() == ("", "")


@ALL
def test_a_table_keeps_each_goal_once_in_the_order_of_coming(name):
    modality, goals = MODALITIES[name]
    table = GoalTable(modality)
    assert len(table) == len(table.values) == 0
    assert [table.add(goal) for goal in goals] == list(range(len(goals)))
    assert [table.add(goal) for goal in reversed(goals)] == list(reversed(range(len(goals))))
    assert len(table) == len(goals)
    assert torch.equal(table.values, torch.stack([modality(goal) for goal in goals]))
    assert table.values.dtype == modality.dtype


@ALL
def test_rows_lead_to_goals(name):
    modality, goals = MODALITIES[name]
    table = GoalTable(modality)
    for goal in goals:
        table.add(goal)
    rows = torch.tensor([1, 0, 1, 1, 0])
    assert torch.equal(table[rows], torch.stack([modality(goals[row]) for row in rows]))


@ALL
def test_a_saved_table_goes_on(name):
    modality, goals = MODALITIES[name]
    table, again = GoalTable(modality), GoalTable(modality)
    table.add(goals[1])
    again.add(goals[0])
    again.load_state_dict(table.state_dict())
    assert torch.equal(again.values, table.values)
    assert (again.add(goals[1]), again.add(goals[0])) == (0, 1)
    assert len(table) == 1


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_beyond_the_table_is_refused(row):
    table = GoalTable(OneHot(3))
    table.add(0)
    table.add(2)
    with pytest.raises(InvalidGoal, match=f"is {row}; valid: 0 to 1"):
        table[torch.tensor([0, row])]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "missing; valid: "),
        ({"values": torch.zeros(2, 4)}, r"\(2, 4\) torch.float32; valid: \('N', 3\)"),
        ({"values": torch.zeros(2, 3, dtype=torch.uint8)}, "uint8; valid: "),
    ],
)
def test_saved_goals_of_another_form_are_refused(state, message):
    with pytest.raises(InvalidGoal, match=message):
        GoalTable(OneHot(3)).load_state_dict(state)


@pytest.fixture(scope="module")
def spoken_tasks():
    """Return a book of what the tasks of Meta-World are called, as MiniLM understands it."""
    book, suite = GoalBook([Text()]), find_suite("metaworld")
    for task in suite.tasks:
        book.add_task(task, {"language": sentences(suite, task)})
    return book


@pytest.mark.parametrize(
    ("sentence", "task"),
    [
        ("pull the drawer open", "drawer-open"),
        ("please push the drawer shut", "drawer-close"),
        ("hit the nail with the hammer", "hammer"),
        ("unlock that door", "door-unlock"),
        ("pull the coffee mug back", "coffee-pull"),
        ("put the cube into the other bin", "bin-picking"),
        ("press the button from above", "button-press-topdown"),
        ("drawer open", "drawer-open"),
    ],
)
def test_a_paraphrase_means_its_task(spoken_tasks, sentence, task):
    assert understood(spoken_tasks, sentence).task == task


@pytest.mark.parametrize(
    "sentence", ["write a poem", "pour me a beer", "play chess", "turn on the light"]
)
def test_what_no_task_is_about_is_refused_with_the_nearest(spoken_tasks, sentence):
    with pytest.raises(UnknownGoal, match=rf"'{sentence}' is like no task .* valid: 0.5 or more"):
        understood(spoken_tasks, sentence)


def test_a_sentence_that_means_two_tasks_alike_is_refused_with_both():
    spoken = GoalBook([Text(encode=lambda said: np.eye(3)[len(said) % 3] + 0.5, size=3)])
    spoken.add_task("a", {"language": ["one"]})
    spoken.add_task("b", {"language": ["four"]})
    assert understood(spoken, "six").task == "a"
    with pytest.raises(UnknownGoal, match=r"'seven' may mean [ab] \(0\.\d+\) and [ab] \(0\.\d+\)"):
        understood(spoken, "seven")


def test_a_book_tells_tasks_apart():
    book = GoalBook([OneHot(4), Sinusoid(4)])
    assert book.add_task("a", {"onehot": [0], "index": [0]}) == 0
    assert book.add_task("b", {"onehot": [1], "index": [1, 2]}) == 1
    for goals, said in (
        ({"onehot": [2]}, "the task 'c' has no index goal"),
        ({"onehot": [1], "index": [3]}, "the tasks 'b' and 'c' have the same onehot goal"),
        ({"onehot": [2], "index": [3, 2]}, "the tasks 'b' and 'c' have the same index goal"),
        ({"onehot": [9], "index": [3]}, "the one-hot goal is 9"),
    ):
        with pytest.raises(InvalidGoal, match=said):
            book.add_task("c", goals)
    with pytest.raises(InvalidGoal, match="the task 'b' is there already"):
        book.add_task("b", {"onehot": [2], "index": [3]})
    # What was refused left nothing.
    assert book.tasks == ("a", "b")
    assert book.add_task("c", {"onehot": [2], "index": [3]}) == 2
    drawn = {tuple(book.draw("index", [1], np.random.default_rng(n))[0].tolist()) for n in range(9)}
    assert drawn == {tuple(goal.tolist()) for goal in book.of("index", 1)}
    with pytest.raises(UnknownName, match="modality 'song'; valid: onehot, index"):
        book.of("song", 0)


def test_a_saved_book_is_the_same():
    book, other = (GoalBook([OneHot(4), Sinusoid(4)]) for _ in range(2))
    book.add_task("a", {"onehot": [3], "index": [5, 6]})
    other.load_state_dict(book.state_dict())
    assert other.tasks == ("a",)
    assert torch.equal(other.of("index", 0), book.of("index", 0))
    with pytest.raises(InvalidGoal, match="the saved goals are of onehot, index; valid: onehot"):
        GoalBook([OneHot(4)]).load_state_dict(book.state_dict())


@pytest.mark.parametrize("modalities", [[], [OneHot(2), OneHot(3)]])
def test_a_book_has_each_modality_once(modalities):
    with pytest.raises(InvalidGoal, match="valid: one or more, each once"):
        GoalBook(modalities)


@pytest.mark.parametrize("name", ["metaworld", "metaworld_all", "kitchen", "xarm", "dmc", "point"])
def test_every_task_has_words_of_its_own(name):
    suite = find_suite(name)
    said = {task: sentences(suite, task) for task in suite.tasks}
    assert all(said.values())
    assert len({one for some in said.values() for one in some}) == sum(map(len, said.values()))
    for sentence in itertools.chain(*said.values()):
        assert sentence == sentence.strip()
        assert "_" not in sentence
