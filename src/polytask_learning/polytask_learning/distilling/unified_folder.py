"""A unified policy on disk: what it is asked for, the data of its tasks, and its stages.

A stage is a folder of its own: the tasks that the policy knew then, their goals, checkpoints and
metrics. The newest stage that came to its end is the present policy, so whatever becomes of a later
one, the policy before it stays whole.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polytask_contract.episodes.form import Form
from polytask_learning.distil_settings import DistilSettings
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.settings import restored
from polytask_learning.training.checkpoint import read_checkpoint, write_checkpoint
from polytask_learning.training.run_folder import MADE_WITH, MANIFEST, NoRun, RunFolder

KIND = "unified"
STAGES, DATA, PRACTICE, GOALS = "stages", "data", "practice", "goals.checkpoint"
# Among what a stage was made with: whether its newest task was practised by the policy itself.
PRACTISED = "practised"
NUMBER = re.compile("[0-9]{3,}", re.ASCII)


def is_unified(path: Path) -> bool:
    """Tell whether the run at `path` is a unified policy's; raise NoRun where there is no run."""
    return bool(RunFolder(path).manifest.get("kind") == KIND)


class Stage(RunFolder):
    """The folder of one stage; its best policy is the one at its end."""

    def __init__(self, path: Path) -> None:
        """Open it; raise NoRun if there is none at `path`."""
        super().__init__(path)
        try:
            runs = self.runs
            missing = [name for name in self._names() if name not in runs]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NoRun(f"the manifest of {path} is not that of a stage: {error}") from error
        if missing or not self.tasks:
            named = ", ".join(missing) or "any task"
            raise NoRun(f"the manifest of {path} is not that of a stage: it has no run of {named}")

    @property
    def number(self) -> int:
        """Which stage it is, from 0."""
        return int(self.path.name)

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """What is known of each task: `task`, `sentences`, `pictures`, `expert`, `steps`."""
        tasks: list[dict[str, Any]] = self.manifest["tasks"]
        return tasks

    def _names(self) -> list[str]:
        """Return the names of its tasks, each of which has an expert."""
        return [str(entry["task"]) for entry in self.tasks if entry["expert"]]

    @property
    def runs(self) -> dict[str, str]:
        """Where each task's expert was when it was distilled; what is the policy's, where it is."""
        home = self.path.absolute().parents[1]
        return {task: str(home / run) for task, run in self.manifest[MADE_WITH]["runs"].items()}

    @property
    def joined_by_practice(self) -> bool:
        """Whether the policy has practised the newest of its tasks itself."""
        newest = str(self.tasks[-1]["task"])
        # Stages of earlier versions do not say so, but practice had its place.
        guessed = Path(self.runs[newest]).parts[-2:] == (PRACTICE, newest)
        return bool(self.manifest[MADE_WITH].get(PRACTISED, guessed))

    @property
    def way_out(self) -> str:
        """What to do where it cannot come to its end, in words."""
        policy = self.path.parents[1]
        if self.number:
            return (
                f"`polytask lifelong drop --run {policy}` gives up what joins, and keeps the rest"
            )
        return f"name another place, or remove {policy}"

    @property
    def has_goals(self) -> bool:
        """Whether its goals have been kept: they come last of what it learns from."""
        return (self.path / GOALS).exists()

    def goals(self) -> dict[str, Any]:
        """Return its goals; raise BrokenCheckpoint if they are damaged."""
        return read_checkpoint(self.path / GOALS)

    def keep_goals(self, goals: Mapping[str, Any]) -> None:
        """Write its goals."""
        write_checkpoint(self.path / GOALS, goals)


class UnifiedFolder(RunFolder):
    """The folder of a unified policy."""

    def __init__(self, path: Path) -> None:
        """Open it; raise NoRun if there is none at `path`."""
        super().__init__(path)
        if self.manifest.get("kind") != KIND:
            raise NoRun(f"{path} is an expert's run; valid: a unified policy's")
        try:
            self.request = restored(DistilRequest, self.manifest["request"])
            # Not those that the preset has by now: the weights are of networks of those days.
            self.settings = restored(DistilSettings, self.manifest["settings"])
            self.form = restored(Form, self.manifest["form"])
            self.frame_stack = int(self.manifest["frame_stack"])
            rows, columns = self.manifest["goal_image"]
            self.goal_image = (int(rows), int(columns))
        except (KeyError, TypeError, ValueError) as error:
            raise NoRun(f"the manifest of {path} is of another version: {error}") from error

    def place_of(self, run: Path) -> str:
        """Return how a stage keeps where `run` is: by its way from here, if it moves along."""
        place, home = run.resolve(), self.path.resolve()
        return str(place.relative_to(home) if place.is_relative_to(home) else place)

    def data(self, task: str) -> Path:
        """Return where the data of `task` are."""
        return self.path / DATA / f"{task}.safetensors"

    def stages(self) -> list[Stage]:
        """Return the stages in their order; all but the last are finished."""
        # A copy of one, as 000.old, is none.
        found = [
            path.parent
            for path in (self.path / STAGES).glob(f"*/{MANIFEST}")
            if NUMBER.fullmatch(path.parent.name)
        ]
        return [Stage(path) for path in sorted(found, key=lambda path: int(path.name))]

    def stage(self, number: int) -> Stage:
        """Return the stage of this number; raise NoRun where it is missing."""
        return Stage(self._place(number))

    def begin_stage(self, number: int, manifest: Mapping[str, Any]) -> Stage:
        """Return the stage of this number, from 0, begun if it is not there.

        Raise OtherConfiguration if it is another one.
        """
        return Stage.begin(self._place(number), manifest)

    def _place(self, number: int) -> Path:
        return self.path / STAGES / f"{number:03}"

    def unfinished(self) -> Stage | None:
        """Return the stage that was stopped on its way, if there is one."""
        newest = self.stages()[-1:]
        return newest[0] if newest and not newest[0].has_best else None

    def practice(self, task: str) -> Path:
        """Return where the policy practises `task` itself."""
        return self.path / PRACTICE / task

    def current(self) -> Stage:
        """Return the newest stage at its end; raise NoRun before there is one."""
        finished = [stage for stage in self.stages() if stage.has_best]
        if not finished:
            raise NoRun(f"{self.path} has no policy yet: its distillation was stopped; go on first")
        return finished[-1]
