"""What is known of how good a unified policy is: evaluations that are kept, its experts' too."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.reports.headline import RULE
from polytask_learning.training.evaluate import Evaluation
from polytask_learning.training.evaluation_file import all_kept, kept
from polytask_learning.training.run_folder import NoRun, RunFolder

Seeds = tuple[int, ...]
Key = tuple[int, str, str]

# Why nothing is known of an expert.
GONE = "the run is gone or has another expert now"
UNEVALUATED = "not evaluated on these seeds"


@dataclass(frozen=True)
class Standing:
    """How a policy did its tasks after each of `stages`, as far as that was evaluated.

    All is on the same `seeds`, of which there are none if nothing is known. `found` is by a stage's
    number, a modality and a task.
    """

    modalities: tuple[str, ...]
    stages: tuple[Stage, ...]
    seeds: Seeds
    found: Mapping[Key, Evaluation]

    def of(self, stage: Stage, modality: str, task: str) -> Evaluation | None:
        """Return what came of `task`, asked by a goal of `modality`, or None."""
        return self.found.get((stage.number, modality, task))

    def rates(self, stage: Stage, modality: str) -> dict[str, float]:
        """Return the score of each task that is known after `stage`, in their order."""
        known = ((task, self.of(stage, modality, task)) for task in tasks_of(stage))
        return {task: result.score(RULE) for task, result in known if result}

    @property
    def full_return(self) -> float:
        """What a mean return is measured by; 0 where success is the measure."""
        return next((result.full_return for result in self.found.values()), 0.0)

    @property
    def best_known(self) -> str:
        """The modality of which most is known; of equals the first."""
        counts = Counter(modality for _, modality, _ in self.found)
        return max(self.modalities, key=lambda name: counts[name])


def standing(folder: UnifiedFolder, stages: Sequence[Stage]) -> Standing:
    """Return what is kept about `stages`, on those seeds on which most is known.

    Raise BrokenEvaluation where something that is kept is damaged.
    """
    goals = folder.request.goals
    by_seeds = {
        (stage.number, modality, task): {
            one.seeds: one.result for one in all_kept(stage, f"{modality}/{task}")
        }
        for stage in stages
        for modality in goals
        for task in tasks_of(stage)
    }
    seeds = most_known(by_seeds.values())
    found = {key: some[seeds] for key, some in by_seeds.items() if seeds in some}
    return Standing(goals, tuple(stages), seeds, found)


def most_known(found: Iterable[Iterable[Seeds]]) -> Seeds:
    """Return the seeds that are in most of `found`, of equals the most, else the first; or none."""
    counts = Counter(seeds for some in found for seeds in some)
    return min(counts, key=lambda seeds: (-counts[seeds], -len(seeds), seeds), default=())


@dataclass(frozen=True)
class Experts:
    """What a policy was distilled from: how each did, or why that is unknown, by task."""

    found: Mapping[str, Evaluation]
    unknown: Mapping[str, str]

    @property
    def rates(self) -> dict[str, float]:
        """The score of each that is known."""
        return {task: result.score(RULE) for task, result in self.found.items()}


def experts_of(stage: Stage, seeds: Seeds) -> Experts:
    """Return what is kept in the runs of the experts of `stage` about just these `seeds`."""
    found, unknown = dict[str, Evaluation](), dict[str, str]()
    for entry in stage.tasks:
        task = entry["task"]
        known = _expert(Path(stage.runs[task]), entry["expert"], seeds)
        if isinstance(known, str):
            unknown[task] = known
        else:
            found[task] = known
    return Experts(found, unknown)


def _expert(run: Path, expert: str, seeds: Seeds) -> Evaluation | str:
    try:
        folder = RunFolder(run)
        if folder.best_hash() != expert:
            return GONE
    except NoRun:
        return GONE
    known = kept(folder, seeds) if seeds else None
    return known.result if known else UNEVALUATED


def tasks_of(stage: Stage) -> list[str]:
    """Return the names of the tasks that a policy knew after `stage`."""
    return [entry["task"] for entry in stage.tasks]


def joined_in(stages: Iterable[Stage]) -> dict[str, int]:
    """Return the number of the stage in which each task joined; `stages` are in their order."""
    numbers = dict[str, int]()
    for stage in stages:
        for task in tasks_of(stage):
            numbers.setdefault(task, stage.number)
    return numbers
