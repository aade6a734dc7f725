"""Giving up a task that a policy has begun to learn: the policy stays what it is."""

import secrets
import shutil
from pathlib import Path

from polytask_contract.durable import PARTIAL
from polytask_contract.errors import PolyTaskError
from polytask_learning.distilling.unified_folder import PRACTICE, UnifiedFolder
from polytask_learning.training.holding import held


class NothingToDrop(PolyTaskError):
    """A policy has not begun what was to be given up; nothing was removed."""


def drop(path: Path, task: str | None = None) -> tuple[str, list[Path]]:
    """Give up the task that the policy at `path` has begun to learn and not finished.

    Without a `task` it is that of the unfinished stage, else that which it practises. Return the
    task and what was removed: its stage, its data, its practice. Raise NothingToDrop where there
    is no such task, or more than one to choose from; NoRun before there is a policy.
    """
    folder = UnifiedFolder(path)
    with held(path):
        task = _chosen(folder, task)
        stage = folder.unfinished()
        # The stage goes first: without its data it could not go on.
        wanted = [stage.path] if stage is not None and stage.tasks[-1]["task"] == task else []
        wanted += [folder.data(task), folder.practice(task)]
        found = [one for one in wanted if one.exists()]
        for one in found:
            _remove(one)
    return task, found


def _chosen(folder: UnifiedFolder, task: str | None) -> str:
    known = {entry["task"] for entry in folder.current().tasks}
    stage = folder.unfinished()
    joining = [str(stage.tasks[-1]["task"])] if stage is not None else []
    practised = sorted(one.name for one in (folder.path / PRACTICE).glob("*") if one.is_dir())
    begun = [*joining, *(one for one in practised if one not in {*known, *joining})]
    if not begun:
        raise NothingToDrop(f"{folder.path} has finished all that it has begun to learn")
    if task is None and (joining or len(begun) == 1):
        return begun[0]
    if task is None or task not in begun:
        valid = ", ".join(begun)
        found = "practises several tasks" if task is None else f"has not begun to learn {task!r}"
        raise NothingToDrop(f"{folder.path} {found}; valid for --task: {valid}")
    return task


def _remove(path: Path) -> None:
    """Remove what is at `path`, all at once; the next holder removes what a killed one left."""
    aside = path.with_name(f".{secrets.token_hex(8)}{PARTIAL}{path.suffix}")
    path.rename(aside)
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink()
