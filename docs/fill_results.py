"""Fills what the learner was measured to do into docs/learned.md and README.md.

The pages are written by hand but for what stands between `<!-- filled: NAME -->` and
`<!-- end -->`: that is made of the files in docs/results/, which `./run study` writes.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

DOCS = Path(__file__).resolve().parent
RESULTS = DOCS / "results"
PAGES = (DOCS / "learned.md", DOCS.parent / "README.md")
BLOCK = re.compile(r"(<!-- filled: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
MEASURES = ("forgetting", "worst_drop", "backward_transfer", "negative_backward_transfer")
GOALS = {"onehot": "one-hot", "language": "language", "image": "image", "index": "index"}
NOTHING = "-"

Result = dict[str, Any]
Results = dict[str, Result]


@dataclass(frozen=True)
class Study:
    """What `./run study` measures when it is given `words`.

    It writes a file of its last word and of each of `ends`; `paper` is what the paper has in the
    place of each.
    """

    title: str
    words: str
    paper: tuple[str, ...] = (NOTHING,)
    ends: tuple[str, ...] = ("",)

    @property
    def files(self) -> list[str]:
        """The names of its files, without their ending."""
        return [self.words.split()[-1] + end for end in self.ends]

    def found(self, results: Results) -> list[Result]:
        """Return those of its results that exist, each with the paper's figure."""
        pairs = zip(self.files, self.paper, strict=True)
        return [results[name] | {"paper": figure} for name, figure in pairs if name in results]

    def missing(self) -> str:
        """Return the line that tells how to measure what has not been."""
        return f"Not measured yet: `./run study {self.words}` does it."


EXPERTS = (
    Study("Meta-World from states", "learning metaworld_state", ("15.6 of 16",)),
    Study("Meta-World from states, paid for matching", "learning metaworld_ot", ("8.2 of 10",)),
    Study("Meta-World from pictures", "learning metaworld_pixels"),
    Study("Meta-World from states, to teach from pictures", "learning metaworld_teachers"),
    Study("Franka Kitchen from states", "learning kitchen_state", ("4.8 of 6",)),
    Study("xArm from states, paid for matching", "learning xarm_ot", ("8.9 of 10, a real robot",)),
    Study("Cheetahs from states", "learning dmc_state", ("0.73 each",)),
)
POLICIES = (
    Study(
        "Meta-World",
        "distilling distill_metaworld",
        ("102 %", "96 %", "94 %"),
        ("_onehot", "_language", "_image"),
    ),
    Study("Franka Kitchen", "distilling distill_kitchen"),
    Study("xArm", "distilling distill_xarm"),
)
JOINING = (
    Study("Meta-World", "distilling lifelong_metaworld"),
    Study("Meta-World, 2,000 steps kept of each task", "distilling lifelong_metaworld_2000"),
    Study("Franka Kitchen", "distilling lifelong_kitchen"),
)
DEPENDENCE = (
    Study("Steps kept of each task", "distilling distill_kept"),
    Study("Weights of the policy", "distilling distill_sizes"),
    Study("Gradient surgery", "distilling distill_pcgrad"),
    Study("Pictures, taught by experts that see states", "distilling distill_privileged"),
)
TRANSFER = Study("Forward transfer", "transfer", ends=("_metaworld",))
STUDIES = (*EXPERTS, *POLICIES, *JOINING, *DEPENDENCE, TRANSFER)
EFFORT = ("seeds", "tests a task", "computed on", "command")
AGAINST = ("effective tasks", "its experts'", "retention")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, or nothing where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) if rows else ""


def percent(share: float) -> str:
    """Return a share, 1 being all, in parts of a hundred."""
    return f"{100 * share:.0f} %"


def points(difference: float) -> str:
    """Return a difference of two shares in points of a hundred, never as minus zero."""
    return f"{round(100 * difference, 1) + 0.0:.1f}"


def span(numbers: Iterable[float]) -> str:
    """Return a number, or the least and the greatest of several."""
    low, high = min(known := list(numbers)), max(known)
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def counted(row: Result) -> str:
    """Return how often a task succeeded, with Wilson's interval."""
    interval = f"{100 * row['low']:.0f} to {percent(row['high'])}"
    return f"{row['successes']} of {row['episodes']} ({interval})"


def effective(found: Result) -> str:
    """Return the effective tasks, of how many; where returns are measured, also of each."""
    number, tasks = found["effective_tasks"], len(found["tasks"])
    each = f" ({number / tasks:.2f} each)" if found.get("full_return") else ""
    return f"{number:.2f} of {tasks}{each}"


def tests(found: Result) -> str:
    """Return how many episodes tested a task, over all seeds."""
    return span(row["episodes"] for row in found["tasks"].values())


def effort(found: Result) -> list[str]:
    """Return the cells that tell what a result stands on."""
    return [str(len(found["seeds"])), tests(found), found["device"], f"`{found['command']}`"]


def against(found: Result) -> list[str]:
    """Return the cells that compare a policy with its experts."""
    taught = f"{found['experts_effective_tasks']:.2f}"
    return [effective(found), taught, percent(found["retention"])]


def overview(
    studies: Sequence[Study], results: Results, head: Sequence[str], cells: Callable[..., list[str]]
) -> str:
    """Return a row for each result: its study's title, its `cells`, what it stands on."""
    pairs = [(study, one) for study in studies for one in study.found(results)]
    rows = [[study.title, *cells(one), *effort(one)] for study, one in pairs]
    return table([*head, *EFFORT], rows)


def sections(studies: Sequence[Study], results: Results, told: Callable[..., str]) -> str:
    """Return a section for each study: what `told` says of its results, and if any are missing."""
    text = []
    for study in studies:
        found = study.found(results)
        text += [f"### {study.title}", told(found) if found else ""]
        text.append("" if len(found) == len(study.files) else study.missing())
    return "\n\n".join(part for part in text if part)


def tasks_of_experts(found: Sequence[Result]) -> str:
    """Return a table of each task's experts: their success, or where that is measured, return."""
    (one,) = found
    head, cells = ("`held`", "clone", "best"), _held
    if one.get("full_return"):
        head, cells = ("mean return", "least", "greatest"), _returned
    rows = [[f"`{task}`", *cells(row), *_costs(row)] for task, row in one["tasks"].items()]
    return table(["task", *head, "actions", "seconds"], rows)


def _held(row: Result) -> list[str]:
    names = ("validated_clone", "validated_best")
    means = [fmean(expert[name] for expert in row["experts"]) for name in names]
    return [counted(row), *map(percent, means)]


def _returned(row: Result) -> list[str]:
    returns = [expert["mean_return"] for expert in row["experts"]]
    return [f"{number:.0f}" for number in (row["mean_return"], min(returns), max(returns))]


def _costs(row: Result) -> list[str]:
    seconds = row.get("median_seconds")
    steps = median(expert["steps_of_best"] for expert in row["experts"])
    return [f"{steps:,.0f}", NOTHING if seconds is None else f"{seconds:,.0f}"]


def experts(results: Results) -> str:
    """Return what is known of experts: all in one table, then each claim in its own."""

    def cells(found: Result) -> list[str]:
        allowed = span(row["steps_allowed"] for row in found["tasks"].values())
        return [effective(found), found["paper"], allowed]

    head = ("experts", "effective tasks", "the paper's, from pictures", "actions allowed")
    first = overview(EXPERTS, results, head, cells)
    return f"{first}\n\n{sections(EXPERTS, results, tasks_of_experts)}".lstrip()


def tasks_of_policies(found: Sequence[Result]) -> str:
    """Return a table of each task: its experts, and the policy by each kind of goal."""
    rows = [
        [f"`{task}`", f"{row['experts']} of {row['episodes']}"]
        + [counted(one["tasks"][task]) for one in found]
        for task, row in found[0]["tasks"].items()
    ]
    return table(["task", "its experts", *(f"by {GOALS[one['goal']]}" for one in found)], rows)


def policies(results: Results) -> str:
    """Return what is known of one policy for all tasks of a suite."""

    def cells(found: Result) -> list[str]:
        return [GOALS[found["goal"]], *against(found), found["paper"]]

    head = ("policy", "asked by", *AGAINST, "the paper's, from pictures")
    first = overview(POLICIES, results, head, cells)
    return f"{first}\n\n{sections(POLICIES, results, tasks_of_policies)}".lstrip()


def heat_map(found: Sequence[Result]) -> str:
    """Return the success of each task after each stage, in parts of a hundred."""
    stages, drops = found[0]["heat_map"], found[0]["drops"]
    rows = []
    for task in dict.fromkeys(task for rates in stages for task in rates):
        cells = [f"{100 * rates[task]:.0f}" if task in rates else "" for rates in stages]
        rows.append([f"`{task}`", *cells, points(drops[task])])
    return table(["task", *map(str, range(1, len(stages))), "end", "drop"], rows)


def joining(results: Results) -> str:
    """Return what is known of tasks that join one after another."""

    def cells(found: Result) -> list[str]:
        return [*against(found), *(points(found[name]) for name in MEASURES)]

    head = ("policy", *AGAINST, *(name.replace("_", " ") for name in MEASURES))
    first = overview(JOINING, results, head, cells)
    return f"{first}\n\n{sections(JOINING, results, heat_map)}".lstrip()


def variants(found: Sequence[Result]) -> str:
    """Return a table of all variants; of a policy without any, one of itself and of its tasks."""
    rows = []
    for name, one in found[0].get("variants", {NOTHING: found[0]}).items():
        rates = {task: row["successes"] / row["episodes"] for task, row in one["tasks"].items()}
        worst = min(rates, key=lambda task, rates=rates: rates[task])
        cells = [*against(one), f"`{worst}`, {percent(rates[worst])}", *effort(one)]
        rows.append([name, *cells])
    first = table(["variant", *AGAINST, "the worst task", *EFFORT], rows)
    return first if "variants" in found[0] else f"{first}\n\n{tasks_of_policies(found)}"


def dependence(results: Results) -> str:
    """Return what a policy depends on."""
    return sections(DEPENDENCE, results, variants)


def transfer(results: Results) -> str:
    """Return what earlier tasks bring to experts of new ones."""
    found = TRANSFER.found(results)
    if not found:
        return TRANSFER.missing()
    rows = [[f"`{task}`", *_gain(row)] for task, row in found[0]["tasks"].items()]
    head = [f"{name}{alone}" for name in ("clone", "area", "actions") for alone in ("", ", alone")]
    mean = f"Mean forward transfer: {found[0]['forward_transfer']:.2f}"
    about = f"{mean}; {len(found[0]['seeds'])} seeds a task; {found[0]['device']}"
    rows_ = table(["task", "forward transfer", *head], rows)
    return f"{about}; `{found[0]['command']}`.\n\n{rows_}"


def _gain(row: Result) -> list[str]:
    gain, first = row["forward_transfer"], row["experts"][0]
    means = {name: fmean(one[name] or 0 for one in row["experts"]) for name in first}
    cells = [NOTHING if gain is None else f"{gain:.2f}"]
    cells += [percent(means[name]) for name in ("clone", "clone_alone")]
    cells += [f"{means[name]:.2f}" for name in ("area", "area_alone")]
    return cells + [f"{means[name]:,.0f}" for name in ("steps", "steps_alone")]


def learned(results: Results) -> str:
    """Return all experts and policies in one table, for the README."""
    kinds = {"experts": EXPERTS, "one policy": POLICIES, "tasks that join": JOINING}
    rows = []
    for kind, study in ((kind, study) for kind, studies in kinds.items() for study in studies):
        for one in study.found(results):
            goal = f", asked by {GOALS[one['goal']]}" if "goal" in one else ""
            kept = percent(one["retention"]) if "retention" in one else NOTHING
            cells = [f"{kind}: {study.title}{goal}", effective(one), kept, tests(one)]
            rows.append([*cells, f"`{one['command']}`"])
    head = ["what was learnt", "effective tasks", "of its experts'", "tests a task", "command"]
    return table(head, rows) or EXPERTS[0].missing()


PARTS = {
    part.__name__: part for part in (experts, policies, joining, dependence, transfer, learned)
}


def filled(text: str, folder: Path = RESULTS) -> str:
    """Return a page with the newest figures of `folder` between its marks, which stay.

    Raise KeyError where a mark names no part.
    """
    files = {name: folder / f"{name}.json" for study in STUDIES for name in study.files}
    there = {name: path.read_text("utf-8") for name, path in files.items() if path.is_file()}
    results = {name: json.loads(told) for name, told in there.items()}
    return BLOCK.sub(lambda mark: f"{mark[1]}\n{PARTS[mark[2]](results)}\n\n{mark[3]}", text)


def main() -> None:
    """Write the pages anew."""
    for page in PAGES:
        text = filled(page.read_text(encoding="utf-8"))
        aside = page.with_suffix(".partial")
        aside.write_text(text, encoding="utf-8")
        aside.rename(page)


if __name__ == "__main__":
    main()
