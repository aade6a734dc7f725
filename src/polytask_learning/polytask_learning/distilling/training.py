"""A stage of distillation: from the data of its tasks to the policy at its end (algorithm 2)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polytask_learning.agents.distiller import Distiller
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.lessons import Lessons
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.distilling.assembly import make_actor, make_book
from polytask_learning.distilling.fitting import fitting
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.distilling.teachers import UnusableTeacher, check_together
from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.training.checkpoint import BrokenCheckpoint
from polytask_learning.training.loop import NotFinite
from polytask_learning.training.watch import Phase, Unwatched, Watch

# After so many updates metrics are told, and a checkpoint is written.
UPDATES_PER_TELLING, UPDATES_PER_CHECKPOINT = 250, 2000

Sink = Callable[[Mapping[str, float]], None]


class StageTraining:
    """Trains the policy of a stage, which knows all it needs once it has begun."""

    def __init__(
        self,
        folder: UnifiedFolder,
        stage: Stage,
        compute: ComputeSettings,
        watch: Watch | None = None,
    ) -> None:
        """Prepare to go on where `stage` was stopped.

        Raise BrokenData or BrokenCheckpoint for what is damaged, UnusableTeacher for data that
        are of another expert than the stage began with.
        """
        request = folder.request
        self._stage, self._compute, self._settings = stage, compute, folder.settings
        self._data = opened_data(folder, stage, request)
        with _told_the_way_out(stage), fitting(stage.path):
            self._book = make_book(request.goals, self._settings, folder.goal_image)
            self._book.load_state_dict(stage.goals())
            warm = bool(stage.manifest["warm"])
            actor = make_actor(
                self._settings,
                request.seed,
                folder.form,
                folder.frame_stack,
                self._book,
                self._data,
            )
        if warm:
            before = folder.stage(stage.number - 1)
            with fitting(before.path):
                actor.load_state_dict(before.best()["distiller"]["actor"])
        self._distiller = Distiller(
            actor,
            self._settings,
            self._settings.added_updates if warm else self._settings.updates,
            request.seed,
            surgery=request.surgery,
            compute=compute,
        )
        self._lessons = Lessons(self._data, self._settings.played_share)
        self._watch: Watch = watch or Unwatched()
        self._random = np.random.default_rng([request.seed, stage.number])

    def go_on(self, sink: Sink) -> None:
        """Train to the end, unless it has come there already; raise NotFinite for a wrong loss."""
        stage, distiller = self._stage, self._distiller
        if stage.has_best:
            return
        with _told_the_way_out(stage), fitting(stage.path):
            state = stage.latest()
            if state is not None:
                distiller.load_state_dict(state["distiller"])
                self._random.bit_generator.state = state["random"]
        stage.forget_after(distiller.updates if state else -1)
        while not distiller.is_finished:
            metrics = self._some_updates()
            stage.tell(metrics)
            sink(metrics)
            if distiller.updates % UPDATES_PER_CHECKPOINT == 0:
                stage.keep_latest(self._state())
        stage.keep_best(self._state())

    def _some_updates(self) -> dict[str, float]:
        """Return the mean losses of the updates."""
        sums, counts = (torch.zeros(len(self._data)) for _ in range(2))
        while not self._distiller.is_finished:
            tasks, losses = self._update()
            sums[tasks] += losses.cpu()
            counts[tasks] += 1
            if self._distiller.updates % UPDATES_PER_TELLING == 0:
                break
        return self._checked(sums, counts)

    def _update(self) -> tuple[Tensor, Tensor]:
        """Return the tasks of a lesson, and the loss of each."""
        settings, random, distiller = self._settings, self._random, self._distiller
        self._watch.at(Phase.DISTILLING, distiller.updates, distiller.total)
        lesson = self._lessons.draw(settings.batch, settings.tasks_per_batch, random)
        modality = self._book.modalities[random.integers(len(self._book.modalities))]
        goals = self._book.draw(modality, lesson.tasks, random)
        return torch.from_numpy(lesson.tasks), distiller.update(lesson, modality, goals)

    def _checked(self, sums: Tensor, counts: Tensor) -> dict[str, float]:
        updates = self._distiller.updates
        if not sums.isfinite().all():
            task = self._book.tasks[int((~sums.isfinite()).nonzero()[0])]
            raise NotFinite(f"the loss of {task} is no finite number after {updates} updates")
        means = {
            f"loss/{task}": float(total / count)
            for task, total, count in zip(self._book.tasks, sums, counts, strict=True)
            if count
        }
        return {"steps": float(updates), "loss": float(sums.sum() / counts.sum()), **means}

    def _state(self) -> dict[str, Any]:
        return {
            "distiller": self._distiller.state_dict(),
            "random": self._random.bit_generator.state,
        }


@contextmanager
def _told_the_way_out(stage: Stage) -> Iterator[None]:
    """Let a BrokenCheckpoint of an unfinished `stage` say what to do."""
    try:
        yield
    except BrokenCheckpoint as error:
        raise BrokenCheckpoint(f"{error}; {stage.way_out}") from error


def opened_data(
    folder: UnifiedFolder, stage: Stage, request: DistilRequest
) -> list[RelabelledData]:
    """Return the data of the tasks of `stage`, in their order."""
    found = []
    for task in stage.tasks:
        path = folder.data(task["task"])
        data = RelabelledData(path, request.observations)
        if data.label.expert != task["expert"]:
            raise UnusableTeacher(
                f"{path} is by the expert {data.label.expert[:12]}; valid: "
                f"{task['expert'][:12]}, which {stage.path} began with"
            )
        found.append(data)
    check_together([(str(folder.data(one.label.task)), one) for one in found])
    return found
