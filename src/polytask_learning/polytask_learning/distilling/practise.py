"""The online variant: a policy practises a new task itself, and keeps those that it knows.

The practice is a run like an expert's. At its end what was practised is relabelled by the policy
itself, and joins the other tasks' data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.agents.expert import Expert
from polytask_learning.agents.online import OnlineExpert, Recalled
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.lessons import Lessons
from polytask_learning.distilling.assembly import make_book
from polytask_learning.distilling.joining import joining
from polytask_learning.distilling.task_goals import demonstrated_goals, goals_of
from polytask_learning.distilling.training import opened_data
from polytask_learning.distilling.transfer import check_alike, goal_for
from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.settings import InvalidSetting
from polytask_learning.training.assembly import Maker
from polytask_learning.training.holding import held
from polytask_learning.training.learn import Sink, learn
from polytask_learning.training.means import Means
from polytask_learning.training.playing import Playing
from polytask_learning.training.relabel import relabel
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import MANIFEST, OtherConfiguration, RunFolder


def practise(
    path: Path,
    request: Request,
    store: EpisodeStore,
    sink: Sink,
    *,
    compute: ComputeSettings | None = None,
) -> UnifiedFolder:
    """Let the policy at `path` practise a task by itself, beside the data of those that it knows.

    It remains what it was until practice is at its end; where that was stopped, the same call goes
    on. Goal images are the last pictures of the demonstrations in `store`. Raise InvalidSetting
    for a task that it knows and for a policy that sees pictures, OtherConfiguration where other
    tasks have joined since practice began or are about to, InvalidGoal where the task has no goal
    in a modality that the policy takes, and what `learn`, `relabel` and `add` do. All the while
    nobody else can add to the policy.
    """
    means = Means(compute or ComputeSettings())
    folder = UnifiedFolder(path)
    with held(path):
        _practise(folder, request, store, sink, means)
    return folder


def _practise(
    folder: UnifiedFolder, request: Request, store: EpisodeStore, sink: Sink, means: Means
) -> None:
    path, policy = folder.path, UnifiedPolicy(folder.path)
    if request.task in policy.tasks:
        raise InvalidSetting(f"{path} knows the task {request.task!r} already")
    if policy.folder.frame_stack:
        raise InvalidSetting(f"{path} sees pictures; valid for practice: states")
    check_alike(policy, request)
    asked = replace(request, hidden=folder.settings.hidden, start=policy.stage.best_hash())
    run = folder.practice(request.task)
    _check_can_join(policy, request, store)
    _check_began_as(policy, run)
    practised = learn(asked, store, run, sink, means, _maker(policy))
    relabel(run, folder.request.keep or None, store, Playing())
    _check_unchanged(policy)
    stage = joining(folder, run, store, means.compute, practised=True)
    if not stage.has_best:
        best = practised.best()
        actor, steps = best["expert"]["unified"], best["progress"]["steps"]
        stage.keep_best({"distiller": {"actor": actor, "updates": steps}})


def _check_can_join(policy: UnifiedPolicy, request: Request, store: EpisodeStore) -> None:
    """Raise OtherConfiguration or InvalidGoal where what is practised could not join in the end."""
    folder, task = policy.folder, request.task
    stopped = folder.unfinished()
    if stopped is not None and not _is_practised(stopped, folder.practice(task)):
        new = stopped.tasks[-1]["task"]
        raise OtherConfiguration(
            f"stage {stopped.number} of {folder.path}, in which {new} joins, is not at its end; go "
            f"on with it first, or else {stopped.way_out}"
        )
    book = make_book(folder.request.goals, folder.settings, folder.goal_image)
    book.load_state_dict(policy.stage.goals())
    pictures = demonstrated_goals(request.suite, task, store) if "image" in book.modalities else []
    book.add_task(task, goals_of(request.suite, task, book, pictures))


def _is_practised(stage: Stage, run: Path) -> bool:
    """Tell whether `stage` is the one in which what was practised in `run` joins."""
    return Path(stage.runs[stage.tasks[-1]["task"]]).resolve() == run.resolve()


def _check_began_as(policy: UnifiedPolicy, run: Path) -> None:
    """Raise OtherConfiguration where practice in `run` began as what the policy was before."""
    if not (run / MANIFEST).exists():
        return
    start = RunFolder(run).manifest["request"]["start"]
    if start != (now := policy.stage.best_hash()):
        folder = policy.folder
        raise OtherConfiguration(
            f"the practice in {run} began as the policy {start[:12]}, and {folder.path} has learnt "
            f"more since: it is {now[:12]}; {_anew(folder)}"
        )


def _anew(folder: UnifiedFolder) -> str:
    return f"`polytask lifelong drop --run {folder.path}` gives the practice up, to begin anew"


def _check_unchanged(policy: UnifiedPolicy) -> None:
    """Raise OtherConfiguration where other tasks have joined since: those weights know them not.

    Where a file system has no locks, nobody was kept from adding them.
    """
    folder = policy.folder
    found = [entry["task"] for entry in folder.current().tasks]
    if folder.current().number != policy.stage.number:
        joined = ", ".join(task for task in found if task not in policy.tasks)
        raise OtherConfiguration(
            f"{folder.path} has learnt {joined} while it practised as a policy that did not know "
            f"it, so what it practised cannot join; {_anew(folder)}"
        )


class OldTasks:
    """Lessons of the tasks that a policy knows, asked for in any of its modalities."""

    def __init__(self, policy: UnifiedPolicy, seed: int) -> None:
        """Draw by `seed` from the data that the policy keeps."""
        data = opened_data(policy.folder, policy.stage, policy.folder.request)
        self._settings = policy.folder.settings
        self._lessons, self._book = Lessons(data, self._settings.played_share), policy.book
        self._random = np.random.default_rng(seed)

    def draw(self) -> Recalled:
        """Return the next lesson."""
        settings, random = self._settings, self._random
        lesson = self._lessons.draw(settings.batch, settings.tasks_per_batch, random)
        modality = self._book.modalities[random.integers(len(self._book.modalities))]
        return Recalled(lesson, modality, self._book.draw(modality, lesson.tasks, random))

    def state_dict(self) -> dict[str, Any]:
        """Return what the next lesson depends on."""
        return {"random": self._random.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._random.bit_generator.state = state["random"]


def _maker(policy: UnifiedPolicy) -> Maker:
    """Return what makes the expert that is the policy itself."""

    def make(
        request: Request, form: Form, compute: ComputeSettings, shown: Sequence[Episode]
    ) -> Expert:
        del shown
        asked = goal_for(policy, request.task)
        recall = OldTasks(policy, request.seed)
        settings = request.settings
        return OnlineExpert(
            policy.actor, asked, recall, form.action_size, settings, request.seed, compute=compute
        )

    return make
