"""Distillation: of experts into a new policy, and of one more into a policy that there is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.suites import find_suite, sentences
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.relabelled_file import read_label
from polytask_learning.data.thinning import thin
from polytask_learning.distilling.assembly import make_book
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.teachers import Teacher, check_together, open_teachers
from polytask_learning.distilling.training import Sink, StageTraining, opened_data
from polytask_learning.distilling.unified_folder import KIND, Stage, UnifiedFolder
from polytask_learning.goals.book import GoalBook
from polytask_learning.settings import check_setting
from polytask_learning.training.holding import held
from polytask_learning.training.request import PICTURE
from polytask_learning.training.run_folder import MADE_WITH, OtherConfiguration
from polytask_learning.training.trained import TrainedExpert
from polytask_learning.training.versions import versions
from polytask_learning.training.watch import Watch

# Pictures that mean a task, of as many demonstrations.
MOST_PICTURES = 10


def distil(
    request: DistilRequest,
    runs: Sequence[Path],
    path: Path,
    sink: Sink,
    *,
    demonstrations: EpisodeStore | None = None,
    compute: ComputeSettings | None = None,
    watch: Watch | None = None,
) -> UnifiedFolder:
    """Distil the experts of `runs` into one policy at `path`, going on where it was stopped.

    Goal images are the last pictures of `demonstrations`, else those that the experts' data have.
    Raise what `open_teachers`, `held`, UnifiedFolder and StageTraining do, and InvalidGoal where a
    modality is missing for a task; what has been learnt then is in the folder.
    """
    compute = compute or ComputeSettings()
    compute.prepare_process()
    teachers = open_teachers(runs, request.observations)
    first = teachers[0].data
    size = first.seen_form.image or _size_of_goals(request, teachers[0], demonstrations)
    settings = request.settings_in(teachers[0].label.suite)
    book = make_book(request.goals, settings, size)
    entries = [_entry(one, book, demonstrations) for one in teachers]
    manifest = {
        "kind": KIND,
        "request": asdict(request),
        "settings": asdict(settings),
        "compute": asdict(compute),
        "form": first.seen_form._asdict(),
        "frame_stack": first.frame_stack,
        "goal_image": size,
        MADE_WITH: versions(),
    }
    with held(path):
        folder = UnifiedFolder.begin(path, manifest)
        stage = _begun(folder, 0, (entries, request.keep), book, compute, teachers)
        StageTraining(folder, stage, compute, watch).go_on(sink)
    return folder


def add(
    path: Path,
    run: Path,
    sink: Sink,
    *,
    keep: int | None = None,
    demonstrations: EpisodeStore | None = None,
    compute: ComputeSettings | None = None,
    watch: Watch | None = None,
) -> UnifiedFolder:
    """Distil the expert of `run` into the policy at `path`, beside all that it knows.

    The policy is as large as before, and remains what it was until the new one is at its end.
    Where that was stopped, the same call goes on; where it knows this expert already, nothing is
    done. Of the task `keep` steps are kept, by default as many as of others. Raise as `distil`
    does, and InvalidSetting for a `keep` below 1.
    """
    compute = compute or ComputeSettings()
    compute.prepare_process()
    folder = UnifiedFolder(path)
    with held(path):
        stage = joining(folder, run, demonstrations, compute, keep)
        StageTraining(folder, stage, compute, watch).go_on(sink)
    return folder


def joining(
    folder: UnifiedFolder,
    run: Path,
    demonstrations: EpisodeStore | None,
    compute: ComputeSettings,
    keep: int | None = None,
) -> Stage:
    """Return the stage in which the expert of `run` joins: the next one, or one that has ended."""
    if keep is not None:
        check_setting("keep", keep, keep > 0, "at least 1")
    before = folder.current()
    (teacher,) = open_teachers([run], folder.request.observations)
    for stage in folder.stages()[: before.number + 1]:
        newest = stage.tasks[-1]
        if (newest["task"], newest["expert"]) == (teacher.label.task, teacher.label.expert):
            return stage
    known = opened_data(folder, before, folder.request)
    named = [(str(folder.data(one.label.task)), one) for one in known]
    check_together([*named, (str(run), teacher.data)])
    book = make_book(folder.request.goals, folder.settings, folder.goal_image)
    book.load_state_dict(before.goals())
    entries = [*before.tasks, _entry(teacher, book, demonstrations)]
    asked = folder.request.keep if keep is None else keep
    return _begun(folder, before.number + 1, (entries, asked), book, compute, [teacher])


def _begun(
    folder: UnifiedFolder,
    number: int,
    asked: tuple[Sequence[dict[str, Any]], int],
    book: GoalBook,
    compute: ComputeSettings,
    teachers: Sequence[Teacher],
) -> Stage:
    """Return a stage that has all that it learns from.

    It is `asked` for tasks, and for how many steps of those that are new to keep at most; 0 keeps
    all that there are.
    """
    entries, keep = asked
    runs = folder.stage(number - 1).runs if number else {}
    runs |= {one.label.task: str(one.run.resolve()) for one in teachers}
    warm = number > 0 and folder.settings.warm
    manifest = {
        "tasks": list(entries),
        "keep": keep,
        "warm": warm,
        "compute": asdict(compute),
        MADE_WITH: versions() | {"runs": runs},
    }
    _check_same(folder, number, entries)
    stage = folder.begin_stage(number, manifest)
    for teacher in teachers:
        _keep_data(folder, teacher, keep)
    stage.keep_goals(book.state_dict())
    return stage


def _check_same(folder: UnifiedFolder, number: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Raise OtherConfiguration if the stage was begun with other experts."""
    begun = {stage.number: stage for stage in folder.stages()}.get(number)
    if begun is None:
        return
    found, wanted = (
        [f"{one['task']} (expert {one['expert'][:12]})" for one in tasks]
        for tasks in (begun.tasks, entries)
    )
    if found != wanted:
        new, old = (
            ", ".join(one for one in these if one not in those) or "fewer"
            for these, those in ((wanted, found), (found, wanted))
        )
        raise OtherConfiguration(
            f"{folder.path} was begun with {old}, not {new}; give the same experts to go on, or "
            "name another place"
        )


def _keep_data(folder: UnifiedFolder, teacher: Teacher, keep: int) -> None:
    """Keep what the teacher's file has for a new task, unless something is there already.

    What a stage began with stays, whatever has become of the teacher's file.
    """
    target = folder.data(teacher.label.task)
    # A step that was given up may have left another expert's.
    if not target.exists() or read_label(target).expert != teacher.label.expert:
        thin(teacher.path, target, keep or teacher.label.keep, folder.request.seed)


def _entry(teacher: Teacher, book: GoalBook, demonstrations: EpisodeStore | None) -> dict[str, Any]:
    """Return what a stage is to know of a task, whose goals go to `book`."""
    label = teacher.label
    goals = _goals(teacher, book, demonstrations)
    book.add_task(label.task, goals)
    pictures = [hashlib.sha256(one.tobytes()).hexdigest() for one in goals.get("image", ())]
    return {
        "task": label.task,
        "sentences": list(goals.get("language", ())),
        "pictures": pictures,
        "expert": label.expert,
        "steps": TrainedExpert(teacher.run).steps,
    }


def _goals(
    teacher: Teacher, book: GoalBook, demonstrations: EpisodeStore | None
) -> dict[str, Sequence[Any]]:
    number, task = len(book.tasks), teacher.label.task
    goals: dict[str, Sequence[Any]] = {"onehot": [number], "index": [number]}
    if "language" in book.modalities:
        goals["language"] = sentences(find_suite(teacher.label.suite), task)
    if "image" in book.modalities:
        goals["image"] = _pictures(teacher, demonstrations)
    return goals


def _size_of_goals(
    request: DistilRequest, first: Teacher, demonstrations: EpisodeStore | None
) -> tuple[int, int]:
    """Return the size of goal images where a policy sees no pictures otherwise."""
    found = _pictures(first, demonstrations) if "image" in request.goals else []
    return (found[0].shape[0], found[0].shape[1]) if found else PICTURE


def _pictures(teacher: Teacher, demonstrations: EpisodeStore | None) -> list[Picture]:
    label = teacher.label
    if demonstrations is not None:
        paths = demonstrations.paths(label.suite, label.task)[:MOST_PICTURES]
        episodes = [read_episode(path) for path in paths]
        found = [one.goal_image for one in episodes if "image" in one.observations]
        if found:
            return found
    own = teacher.data.goal_image
    return [] if own is None else [own]
