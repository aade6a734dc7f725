"""The report of one run: how good its expert is, how it got there, and how to make it again."""

from pathlib import Path

from polytask_contract.errors import PolyTaskError
from polytask_learning.reports.curves import learning_charts, success_chart
from polytask_learning.reports.filming import Clip
from polytask_learning.reports.footage import film
from polytask_learning.reports.headline import Headline, best_evaluation, headline
from polytask_learning.reports.markup import Markup, element
from polytask_learning.reports.page import page, pair, section, video, write_page
from polytask_learning.reports.particulars import particulars, reproduction
from polytask_learning.reports.verdict import evaluations, verdict
from polytask_learning.settings import FULL_RETURN
from polytask_learning.training.evaluation_file import all_kept
from polytask_learning.training.run_folder import NoRun, RunFolder


def write_report(folder: RunFolder, *, videos: bool = True) -> Path:
    """Write the report of the run in `folder`, which may be going on, and return its path.

    Where the expert cannot be filmed, the page says why. Raise NoRun for a manifest of another
    version, BrokenCheckpoint or BrokenEvaluation where the run is damaged.
    """
    return write_page(folder.path, report(folder, videos=videos))


def report(folder: RunFolder, *, videos: bool = True) -> str:
    """Return the page."""
    manifest, told = folder.manifest, list(folder.told())
    request = manifest.get("request", {})
    if not {"suite", "task", "seed"} <= request.keys():
        raise NoRun(f"the manifest of {folder.path} is of another version: it has no whole request")
    kept = all_kept(folder)
    full_return = FULL_RETURN.get(request["suite"], 0.0)
    shown = headline(kept, told, full_return)
    best = best_evaluation(told)
    best_steps = None if best is None else int(best["steps"])
    curve = None if full_return else success_chart(told, best_steps)
    charts = learning_charts(told, best_steps, successes=not full_return)
    nothing = element("p", "No episode has come to its end yet.", class_="soft")
    return page(
        f"{request['task']} ({request['suite']}), seed {request['seed']}",
        _title(folder),
        pair(verdict(shown), *([curve] if curve else []), class_="pair head"),
        *([_films(folder, shown)] if videos and shown else []),
        section("Learning", pair(*charts) if charts else nothing),
        *([section("Evaluations on test seeds", evaluations(kept))] if kept else []),
        section("What it was made of", particulars(manifest)),
        section("Make it again", reproduction(manifest, shown)),
    )


def _title(folder: RunFolder) -> Markup:
    request = folder.manifest["request"]
    state = folder.latest()
    progress = state["progress"] if state else {"steps": 0, "episodes": 0, "finished": False}
    asked = request.get("steps", progress["steps"])
    if not progress["finished"]:
        ending = f"not at its end: so far {progress['steps']:,} of {asked:,} steps"
    elif progress["steps"] < asked:
        ending = f"solved after {progress['steps']:,} of {asked:,} steps"
    else:
        ending = f"ended after {progress['steps']:,} steps"
    count = request.get("demonstrations", 1)
    shown = f"{count} demonstration{'s' if count != 1 else ''}"
    return element(
        "header",
        element("p", f"{request['suite']}, seed {request['seed']}", class_="over"),
        element("h1", str(request["task"])),
        element(
            "p",
            f"An expert learnt from {shown} and practice; {ending} in "
            f"{progress['episodes']:,} episodes.",
            class_="soft",
        ),
    )


def _films(folder: RunFolder, shown: Headline) -> Markup:
    try:
        clips = film(folder, shown)
    except PolyTaskError as error:
        said = element("p", f"No video: {error}.", class_="soft")
        return section("What the expert does", said)
    found = {clip.success: clip for clip in clips}
    parts = [_film(found.get(success), shown, success=success) for success in (True, False)]
    note = "At the speed of the task; a green edge marks each moment in which it is accomplished."
    return section("What the expert does", element("p", note, class_="soft"), pair(*parts))


def _film(clip: Clip | None, shown: Headline, *, success: bool) -> Markup:
    name = "success" if success else "failure"
    if clip is None:
        said = f"No {name} in {len(shown.seeds)} episodes: there is nothing to show."
        return element("div", element("p", said, class_="soft"), class_="card none")
    caption = f"The first {name}"
    return video(clip.mp4, caption, f"seed {clip.seed:,}, {clip.steps} steps")
