"""The report of a unified policy: its tasks, its life, what it does, and how to make it again."""

from pathlib import Path

from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_folder import Stage, UnifiedFolder
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.reports.filming import Clip
from polytask_learning.reports.heat_map import forgotten, heat_map
from polytask_learning.reports.markup import Markup, element
from polytask_learning.reports.page import page, pair, section, video, write_page
from polytask_learning.reports.particulars import TESTED, facts, to_type
from polytask_learning.reports.reasons import by_reason
from polytask_learning.reports.standing import experts_of, standing, tasks_of
from polytask_learning.reports.timing import CALLS, milliseconds_per_action, processor
from polytask_learning.reports.unified_commands import unified_commands
from polytask_learning.reports.unified_footage import SEED, film_tasks
from polytask_learning.reports.unified_particulars import loss_charts, unified_particulars
from polytask_learning.reports.unified_verdict import (
    goal_comparison,
    not_evaluated,
    task_table,
    unified_verdict,
)


def write_unified_report(folder: UnifiedFolder, *, videos: bool = True) -> Path:
    """Write the report of the policy in `folder`, which may be going on, and return its path.

    Nothing is evaluated for it: what is not known, the page says. Where a task cannot be filmed, it
    says why. Raise BrokenCheckpoint or BrokenEvaluation where the run is damaged.
    """
    return write_page(folder.path, unified_report(folder, videos=videos))


def unified_report(folder: UnifiedFolder, *, videos: bool = True) -> str:
    """Return the page."""
    stages = folder.stages()
    finished = [stage for stage in stages if stage.has_best]
    seeds = standing(folder, finished).seeds
    told = _told(stages)
    again = unified_commands(folder.manifest, told, seeds or TESTED) if told else []
    charts = loss_charts(stages, folder.settings.distance)
    count = len(tasks_of(finished[-1])) if finished else 0
    title = f"One policy, {count} task{'s' if count != 1 else ''}"
    return page(
        f"{title} ({folder.form.suite})",
        _title(folder, title, stages),
        *(_policy(folder, finished, videos=videos) if finished else []),
        *([section("Loss of each stage", pair(*charts))] if charts else []),
        section("What it was made of", unified_particulars(folder.manifest, told)),
        *([section("Make it again", _again(folder, again))] if again else []),
    )


def _told(stages: list[Stage]) -> list[Stage]:
    """Return the stages that the policy is of; before there is one, those that are to make it."""
    return [stage for stage in stages if stage.has_best] or stages


def _title(folder: UnifiedFolder, title: str, stages: list[Stage]) -> Markup:
    request = folder.request
    seen = {"state": "the state", "pixels": "pictures"}[request.observations]
    parts = [f"It sees {seen}, and takes goals of the kinds {', '.join(request.goals)}."]
    if told := _told(stages):
        first = len(tasks_of(told[0]))
        later = len(tasks_of(told[-1])) - first
        begun = f"Distilled from {first} expert{'s' if first != 1 else ''}"
        parts.insert(0, begun + (f", and {later} joined later." if later else "."))
    if not stages or not stages[-1].has_best:
        number = stages[-1].number if stages else 0
        parts.append(f"Stage {number} is not at its end, and what it learns is not told of here.")
    return element(
        "header",
        element("p", f"{folder.form.suite}, seed {request.seed}", class_="over"),
        element("h1", title),
        element("p", " ".join(parts), class_="soft"),
    )


def _policy(folder: UnifiedFolder, finished: list[Stage], *, videos: bool) -> list[Markup]:
    """Return what is known of the newest policy, and of those before it."""
    newest = finished[-1]
    compute = ComputeSettings()
    compute.prepare_process()
    policy = UnifiedPolicy(folder.path, compute, newest)
    shown = standing(folder, [newest])
    experts = experts_of(newest, shown.seeds)
    parts = [pair(unified_verdict(shown, newest, experts), _size(policy), class_="pair head")]
    if shown.found:
        parts.append(section("Task by task", task_table(shown, newest, experts)))
    if shown.found and len(shown.modalities) > 1:
        parts.append(section("Kinds of goals", goal_comparison(shown, newest)))
    parts += _life(folder, finished)
    parts += [films(policy, shown.modalities[0])] if videos else []
    return parts


def _size(policy: UnifiedPolicy) -> Markup:
    modality = policy.folder.request.goals[0]
    acting = policy.policy_for(policy.tasks[0], modality)
    time = milliseconds_per_action(acting, policy.folder.form)
    known = {
        "tasks": len(policy.tasks),
        "weights": policy.actor.size,
        "time for an action": f"{time:.2g} ms",
    }
    said = (
        f"The time is the median of {CALLS} actions on one thread of {processor()}, measured when "
        "this page was written. More tasks change neither."
    )
    return facts("Size", known, element("p", said, class_="soft"))


def _life(folder: UnifiedFolder, finished: list[Stage]) -> list[Markup]:
    """Return how the tasks went on from stage to stage, if there is more than one."""
    if len(finished) < 2:
        return []
    shown = standing(folder, finished)
    evaluated = {number for number, _, _ in shown.found}
    if len(evaluated) < 2:
        said = not_evaluated("How tasks went on from stage to stage was not evaluated")
        return [section("From stage to stage", element("div", said, class_="card"))]
    parts = [heat_map(shown), forgotten(shown)]
    if None in (
        shown.of(stage, shown.best_known, task) for stage in finished for task in tasks_of(stage)
    ):
        parts.append(not_evaluated("A question mark says that nothing is known"))
    return [section("From stage to stage", element("div", *parts, class_="card stack"))]


def films(policy: UnifiedPolicy, modality: str) -> Markup:
    """Return a film of each task; where it cannot be filmed, it is said why."""
    made = film_tasks(policy, modality)
    shown = [_film(task, clip) for task, clip in made.clips.items()]
    failed = [
        element("p", f"No video of {names}: {reason}.", class_="soft")
        for reason, names in by_reason(made.problems).items()
    ]
    note = (
        f"The same policy in each task, asked by {modality} goals, on seed {SEED:,}; a green edge "
        "marks each moment in which the task is accomplished."
    )
    grid = [element("p", note, class_="soft"), pair(*shown, class_="films")] if shown else []
    return section("What it does", *grid, *failed)


def _film(task: str, clip: Clip) -> Markup:
    ended = "accomplished" if clip.success else "not accomplished"
    return video(clip.mp4, task, f"{ended}, {clip.steps} steps")


def _again(folder: UnifiedFolder, lines: list[str]) -> Markup:
    note = "The experts are those whose checksums are above, where they were then."
    if "image" in folder.request.goals:
        note += " Goal images of demonstrations need --demonstrations, too."
    return to_type(lines, note)
