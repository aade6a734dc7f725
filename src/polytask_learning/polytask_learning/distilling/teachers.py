"""The experts that a policy is distilled from: their runs, and what they have relabelled."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from polytask_contract.episodes.form import InvalidEpisode
from polytask_contract.errors import PolyTaskError, UnknownName
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.data.relabelled_file import Label
from polytask_learning.distilling.unified_folder import is_unified
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.run_folder import RunFolder


class UnusableTeacher(PolyTaskError):
    """A run cannot teach, or not together with others; the message says why and what to do."""


class Teacher(NamedTuple):
    """An expert's run, and the file of what it practised, which shows what a student is to see."""

    run: Path
    path: Path
    data: RelabelledData

    @property
    def label(self) -> Label:
        """What the file is of."""
        return self.data.label


def open_teachers(runs: Sequence[Path], observations: str) -> list[Teacher]:
    """Return the experts of `runs`, for a student of `observations`.

    Raise NoRun where there is no expert, BrokenData for a damaged file, and UnusableTeacher for
    data that is missing, of another expert or without the observations, for experts of two forms
    and for two of a task.
    """
    teachers = [_opened(run, observations) for run in runs]
    check_together([(str(one.run), one.data) for one in teachers])
    return teachers


def _opened(run: Path, observations: str) -> Teacher:
    if is_unified(run):
        raise UnusableTeacher(f"{run} is a policy of many tasks; valid: an expert's run")
    expert, path = RunFolder(run).best_hash(), run / RELABELLED
    remedy = f"`polytask relabel {run}` makes it"
    if not path.exists():
        raise UnusableTeacher(f"{run} has no {RELABELLED} to learn from; {remedy}")
    try:
        data = RelabelledData(path, observations)
    except UnknownName as error:
        kept = "; `polytask learn --pictures` keeps pictures" if observations == "pixels" else ""
        raise UnusableTeacher(f"in {path} {error}{kept}") from error
    if data.label.expert != expert:
        raise UnusableTeacher(
            f"{path} is by the expert {data.label.expert[:12]}, and that of the run is "
            f"{expert[:12]}; {remedy} anew"
        )
    return Teacher(run, path, data)


def check_together(named: Sequence[tuple[str, RelabelledData]]) -> None:
    """Raise UnusableTeacher unless these data, each with its name, fit one policy."""
    (first_name, first), *others = named
    tasks = {first.label.task: first_name}
    for name, data in others:
        try:
            data.seen_form.check(first.seen_form, name)
        except InvalidEpisode as error:
            raise UnusableTeacher(f"{error}, as of {first_name}") from error
        if data.frame_stack != first.frame_stack:
            raise UnusableTeacher(
                f"{name} has {data.frame_stack} pictures at once; valid: {first.frame_stack}, as "
                f"of {first_name}"
            )
        if data.label.task in tasks:
            both = f"{tasks[data.label.task]} and {name}"
            raise UnusableTeacher(f"the task {data.label.task!r} is given twice: by {both}")
        tasks[data.label.task] = name
