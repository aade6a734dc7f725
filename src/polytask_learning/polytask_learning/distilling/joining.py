"""How a stage begins: with its tasks, their goals and data, all of which are the policy's own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.relabelled_file import BrokenData, read_label
from polytask_learning.data.thinning import thin
from polytask_learning.distilling.assembly import make_book
from polytask_learning.distilling.task_goals import entered
from polytask_learning.distilling.teachers import (
    Teacher,
    UnusableTeacher,
    check_together,
    open_teachers,
)
from polytask_learning.distilling.training import opened_data
from polytask_learning.distilling.unified_folder import PRACTISED, Stage, UnifiedFolder
from polytask_learning.goals.book import GoalBook
from polytask_learning.settings import check_setting
from polytask_learning.training.run_folder import MADE_WITH, NoRun, OtherConfiguration
from polytask_learning.training.versions import versions


class Joining(NamedTuple):
    """The tasks of a stage, and how many steps of those that are new to keep at most; 0: all.

    It tells whether the policy has `practised` the new one itself.
    """

    entries: Sequence[Mapping[str, Any]]
    keep: int
    practised: bool = False


def joining(
    folder: UnifiedFolder,
    run: Path,
    demonstrations: EpisodeStore | None,
    compute: ComputeSettings,
    keep: int | None = None,
    *,
    practised: bool = False,
) -> Stage:
    """Return the stage in which the expert of `run` joins, or the present one if it knows that.

    Where the policy has `practised` by itself, that is kept. Raise as `add` does.
    """
    if keep is not None:
        check_setting("keep", keep, keep > 0, "at least 1")
    before = folder.current()
    stopped = resumed(folder, before.number + 1, [run], compute, keep)
    if stopped is not None:
        return stopped
    teacher = _opened(folder, run)
    label = teacher.label
    if (label.task, label.expert) in [(one["task"], one["expert"]) for one in before.tasks]:
        _check_kept(folder, label.task, keep)
        return before
    known = opened_data(folder, before, folder.request)
    named = [(str(folder.data(one.label.task)), one) for one in known]
    check_together([*named, (str(run), teacher.data)])
    book = make_book(folder.request.goals, folder.settings, folder.goal_image)
    book.load_state_dict(before.goals())
    entries = [*before.tasks, entered(teacher, book, demonstrations)]
    asked = Joining(entries, folder.request.keep if keep is None else keep, practised)
    return begun(folder, before.number + 1, asked, book, compute, [teacher])


def _opened(folder: UnifiedFolder, run: Path) -> Teacher:
    try:
        (teacher,) = open_teachers([run], folder.request.observations)
    except (NoRun, UnusableTeacher) as error:
        stage = folder.unfinished()
        if stage is None or not _are_those(stage, [run]):
            raise
        needed = f"stage {stage.number} of {folder.path}, which was stopped, still needs it"
        raise UnusableTeacher(f"{error}; {needed}; {stage.way_out}") from error
    return teacher


def resumed(
    folder: UnifiedFolder,
    number: int,
    runs: Sequence[Path],
    compute: ComputeSettings,
    keep: int | None,
) -> Stage | None:
    """Return the stage of this number, if it was stopped when all that it learns from was there.

    It is that of the experts in `runs`, whatever has become of them since. Raise OtherConfiguration
    where it was begun with something else than is asked for.
    """
    stage = folder.unfinished()
    if stage is None or stage.number != number or not _are_those(stage, runs):
        return None
    if not stage.has_goals or not all(
        _has_data(folder, one["task"], one["expert"]) for one in stage.tasks
    ):
        return None
    asked = {"compute": asdict(compute)} | ({} if keep is None else {"keep": keep})
    return folder.begin_stage(number, stage.manifest | asked)


def _are_those(stage: Stage, runs: Sequence[Path]) -> bool:
    """Tell whether the newest tasks of `stage` are of the experts that were in `runs`."""
    new = stage.tasks[-len(runs) :] if stage.number else stage.tasks
    found = [Path(stage.runs[one["task"]]).resolve() for one in new]
    return found == [run.resolve() for run in runs]


def begun(
    folder: UnifiedFolder,
    number: int,
    asked: Joining,
    book: GoalBook,
    compute: ComputeSettings,
    teachers: Sequence[Teacher],
) -> Stage:
    """Return a stage that has all that it learns from; what is there of it already stays.

    Raise OtherConfiguration if it was begun with something else.
    """
    runs = folder.stage(number - 1).runs if number else {}
    runs |= {one.label.task: str(one.run.resolve()) for one in teachers}
    places = {task: folder.place_of(Path(run)) for task, run in runs.items()}
    warm = number > 0 and folder.settings.warm
    manifest = {
        "tasks": list(asked.entries),
        "keep": asked.keep,
        "warm": warm,
        "compute": asdict(compute),
        MADE_WITH: {**versions(), "runs": places, PRACTISED: asked.practised},
    }
    _check_same(folder, number, asked.entries)
    stage = folder.begin_stage(number, manifest)
    for teacher in teachers:
        label = teacher.label
        # What a stage began with stays, whatever has become of the teacher's file; a step that was
        # given up may have left another expert's.
        if not _has_data(folder, label.task, label.expert):
            target = folder.data(label.task)
            thin(teacher.path, target, asked.keep or label.keep, folder.request.seed)
    # Weights that were learnt with other goals, as those of another text model, mean those.
    if not stage.has_goals:
        stage.keep_goals(book.state_dict())
    return stage


def _has_data(folder: UnifiedFolder, task: str, expert: str) -> bool:
    """Tell whether the data of `task` are there, whole and of that expert."""
    try:
        return read_label(folder.data(task)).expert == expert
    except (FileNotFoundError, BrokenData):
        return False


def _check_same(folder: UnifiedFolder, number: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Raise OtherConfiguration if the stage was begun with other experts."""
    stage = {one.number: one for one in folder.stages()}.get(number)
    if stage is None:
        return
    found, wanted = (
        [f"{one['task']} (expert {one['expert'][:12]})" for one in tasks]
        for tasks in (stage.tasks, entries)
    )
    if found != wanted:
        new, old = (
            ", ".join(one for one in these if one not in those) or "fewer"
            for these, those in ((wanted, found), (found, wanted))
        )
        raise OtherConfiguration(
            f"stage {number} of {folder.path} was begun with {old}, not {new}; give the same "
            f"experts to go on, or else {stage.way_out}"
        )
    for before, now in zip(stage.tasks, entries, strict=True):
        if before["pictures"] != list(now["pictures"]):
            counts = f"{len(before['pictures'])} goal pictures, not the {len(now['pictures'])}"
            raise OtherConfiguration(
                f"stage {number} of {folder.path} was begun with {before['task']} by {counts} that "
                f"there are now; give the demonstrations of then, or else {stage.way_out}"
            )


def _check_kept(folder: UnifiedFolder, task: str, keep: int | None) -> None:
    """Raise OtherConfiguration unless of a `task` that is known `keep` steps were to be kept."""
    joined = next(one for one in folder.stages() if task in {each["task"] for each in one.tasks})
    kept = joined.manifest["keep"]
    if keep is not None and keep != kept:
        raise OtherConfiguration(
            f"{folder.path} knows {task} already and was to keep {kept or 'all'} steps of it, not "
            f"{keep}; it stays as it was learnt, so ask for {kept or 'no number'} of them"
        )
