"""Distillation: of experts into a new policy, and of one more into a policy that there is."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.assembly import make_book
from polytask_learning.distilling.joining import Joining, begun, joining, resumed
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.task_goals import entered, size_of_goals
from polytask_learning.distilling.teachers import open_teachers
from polytask_learning.distilling.training import Sink, StageTraining
from polytask_learning.distilling.unified_folder import KIND, UnifiedFolder, is_unified
from polytask_learning.training.holding import held
from polytask_learning.training.run_folder import MADE_WITH, MANIFEST
from polytask_learning.training.versions import versions
from polytask_learning.training.watch import Watch


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
    modality is missing for a task; what has been learnt then is in the folder. A policy that was
    stopped when it had its experts' data does not need their runs any more.
    """
    compute = compute or ComputeSettings()
    compute.prepare_process()
    stopped = _stopped(path, request, runs, compute)
    if stopped is not None:
        with held(path):
            StageTraining(stopped, stopped.stage(0), compute, watch).go_on(sink)
        return stopped
    teachers = open_teachers(runs, request.observations)
    first = teachers[0].data
    size = first.seen_form.image or size_of_goals(request, teachers[0], demonstrations)
    settings = request.settings_in(teachers[0].label.suite)
    book = make_book(request.goals, settings, size)
    asked = Joining([entered(one, book, demonstrations) for one in teachers], request.keep)
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
        stage = begun(folder, 0, asked, book, compute, teachers)
        StageTraining(folder, stage, compute, watch).go_on(sink)
    return folder


def _stopped(
    path: Path, request: DistilRequest, runs: Sequence[Path], compute: ComputeSettings
) -> UnifiedFolder | None:
    """Return the policy at `path` if it was stopped when it had all that its experts teach.

    Raise OtherConfiguration where something else was asked for then.
    """
    if not (path / MANIFEST).exists() or not is_unified(path):
        return None
    folder = UnifiedFolder(path)
    if resumed(folder, 0, runs, compute, request.keep) is None:
        return None
    settings = request.settings_in(folder.form.suite)
    asked = {
        "request": asdict(request),
        "settings": asdict(settings),
        "compute": asdict(compute),
    }
    return UnifiedFolder.begin(path, folder.manifest | asked)


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
    Where that was stopped, the same call goes on, whatever has become of the run once its data
    were taken over; where it knows this expert already, nothing is done. Of the task `keep` steps
    are kept, by default as many as of others. Raise as `distil` does, InvalidSetting for a `keep`
    below 1, and OtherConfiguration for another `keep` than before, and while another task is to
    join.
    """
    compute = compute or ComputeSettings()
    compute.prepare_process()
    folder = UnifiedFolder(path)
    with held(path):
        stage = joining(folder, run, demonstrations, compute, keep)
        StageTraining(folder, stage, compute, watch).go_on(sink)
    return folder
