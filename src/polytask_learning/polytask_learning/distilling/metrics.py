"""What is said of policies with many tasks, by the names that the literature has for it.

A `Table` has a row for each stage of a policy's life, with the success, 0 to 1, of each task that
it knew then: `table[stage][task]`. A task's first row is that of the stage in which it joined.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean

Rates = Mapping[str, float]
Table = Sequence[Rates]


def effective_tasks(rates: Rates) -> float:
    """Return how many tasks are accomplished: the sum of all rates (paper, III-A)."""
    return sum(rates.values())


def retention(student: Rates, teacher: Rates) -> float | None:
    """Return what is left of the teachers' effective tasks; None where they have none.

    Only tasks of which both rates are known count.
    """
    both = student.keys() & teacher.keys()
    taught = sum(teacher[task] for task in both)
    return sum(student[task] for task in both) / taught if taught else None


def joined(table: Table) -> dict[str, int]:
    """Return the stage in which each task joined."""
    stages: dict[str, int] = {}
    for stage, rates in enumerate(table):
        for task in rates:
            stages.setdefault(task, stage)
    return stages


def drops(table: Table) -> dict[str, float]:
    """Return how far each task is at the end below its rate in the stage in which it joined."""
    return {task: table[stage][task] - table[-1][task] for task, stage in joined(table).items()}


def forgetting(table: Table) -> float:
    """Return the mean drop over all tasks (Continual World, Wołczyk et al. 2021)."""
    return mean(drops(table).values())


def backward_transfer(table: Table) -> float | None:
    """Return the mean gain of the tasks that others joined after (GEM, Lopez-Paz et al. 2017).

    None where nothing joined after anything.
    """
    last = len(table) - 1
    gains = [-drops(table)[task] for task, stage in joined(table).items() if stage < last]
    return mean(gains) if gains else None


def negative_backward_transfer(table: Table) -> float | None:
    """Return the mean over tasks of their mean drop in all later stages (LIBERO, Liu et al. 2023).

    None where nothing joined after anything.
    """
    means = [
        mean(table[stage][task] - later[task] for later in table[stage + 1 :])
        for task, stage in joined(table).items()
        if stage < len(table) - 1
    ]
    return mean(means) if means else None


def area(curve: Sequence[tuple[float, float]], end: float) -> float:
    """Return the mean success from 0 to `end` of a `curve` of steps, ascending, and success.

    It begins at 0 steps. Between two points it is taken to be on the line, and after the last to
    stay as it is. Raise ValueError for a curve that is none, and for an `end` that is not above 0.
    """
    steps = [at for at, _ in curve]
    if steps[:1] != [0] or steps != sorted(steps):
        raise ValueError(f"the steps of a curve are {steps}; valid: ascending, the first at 0")
    if end <= 0:
        raise ValueError(f"the end of a curve is {end}; valid: above 0")
    points = [*curve, (max(end, curve[-1][0]), curve[-1][1])]
    total = 0.0
    for (begin, low), (stop, high) in pairwise(points):
        if begin >= end or stop == begin:
            continue
        cut = min(stop, end)
        at_cut = low + (high - low) * (cut - begin) / (stop - begin)
        total += (cut - begin) * (low + at_cut) / 2
    return total / end


def forward_transfer(
    curve: Sequence[tuple[float, float]], alone: Sequence[tuple[float, float]], end: float
) -> float | None:
    """Return what earlier tasks bring to learning one, 1 at most (Continual World).

    `curve` is how it was learnt with them, `alone` without, both up to `end` steps. None where
    there was nothing to gain. Raise as `area` does.
    """
    reference = area(alone, end)
    return (area(curve, end) - reference) / (1 - reference) if reference < 1 else None
