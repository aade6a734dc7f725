"""Which task a sentence means: that of the known sentence which is most like it."""

from typing import NamedTuple

from torch.nn import functional

from polytask_learning.goals.book import GoalBook
from polytask_learning.goals.errors import UnknownGoal

# How alike (cosine) a sentence must be to one that means a task. With MiniLM, paraphrases of
# Meta-World's tasks had 0.57 and more, sentences about other things 0.37 and less.
ALIKE = 0.5
# A sentence that is like two tasks but for less than this means neither: left and right are near
# to each other in meaning, and an arm should not guess.
CLEARLY = 0.01
# Tasks that a refusal names.
NAMED = 3


class Understood(NamedTuple):
    """The task that a sentence means, and how alike (cosine) it is to the nearest one known."""

    task: str
    alike: float


def understood(book: GoalBook, sentence: str) -> Understood:
    """Return which of the tasks in `book` is meant by `sentence`.

    Raise UnknownGoal where none is as alike as ALIKE, with the nearest ones, and where two are
    alike but for CLEARLY; UnknownName unless the book has language, InvalidGoal for no sentence.
    """
    meant = book.modality("language")(sentence)
    found = []
    for number, task in enumerate(book.tasks):
        alike = functional.cosine_similarity(meant[None], book.of("language", number))
        found.append(Understood(task, float(alike.max())))
    found.sort(key=lambda one: -one.alike)
    if found[0].alike < ALIKE:
        nearest = ", ".join(f"{one.task} ({one.alike:.2f})" for one in found[:NAMED])
        raise UnknownGoal(
            f"{sentence!r} is like no task of the policy; the nearest are {nearest}; valid: "
            f"{ALIKE} or more"
        )
    if len(found) > 1 and found[0].alike - found[1].alike < CLEARLY:
        both = " and ".join(f"{one.task} ({one.alike:.3f})" for one in found[:2])
        raise UnknownGoal(f"{sentence!r} may mean {both}; say it in words that are more like one")
    return found[0]
