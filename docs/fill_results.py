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
# The first figure of a claim is a share, all others are these.
MEASURES = ("forgetting", "worst_drop", "backward_transfer", "negative_backward_transfer")
GOALS = {"onehot": "one-hot", "language": "language", "image": "image", "index": "index"}
NOTHING = "–"  # noqa: RUF001  # an empty cell, not a minus

Result = dict[str, Any]
Results = dict[str, Result]


@dataclass(frozen=True)
class Study:
    """What one command measures: `files` in docs/results/, without their ending.

    `paper` is what the paper has in its place, one for each file, or nothing.
    """

    title: str
    command: str
    files: tuple[str, ...]
    paper: tuple[str, ...] = ()

    def found(self, results: Results) -> list[Result]:
        """Return those of its results that exist, each with the paper's figure."""
        figures = self.paper or (NOTHING,) * len(self.files)
        pairs = zip(self.files, figures, strict=True)
        return [results[name] | {"paper": figure} for name, figure in pairs if name in results]

    def missing(self) -> str:
        """Return the line that tells that nothing, or not all, is measured."""
        return f"Not measured yet: `{self.command}` would."


def _learning(title: str, name: str, paper: str = NOTHING) -> Study:
    return Study(title, f"./run study learning {name}", (name,), (paper,))


def _distilling(title: str, name: str, ends: Sequence[str] = ("",), *paper: str) -> Study:
    files = tuple(f"{name}{end}" for end in ends)
    return Study(title, f"./run study distilling {name}", files, paper)


EXPERTS = (
    _learning("Meta-World from states", "metaworld_state", "15.6 of 16"),
    _learning("Meta-World from states, rewarded by matching", "metaworld_ot", "8.2 of 10"),
    _learning("Meta-World from pictures", "metaworld_pixels"),
    _learning("Meta-World from states, to teach from pictures", "metaworld_teachers"),
    _learning("Franka Kitchen from states", "kitchen_state", "4.8 of 6"),
    _learning(
        "xArm from states, rewarded by matching", "xarm_ot", "8.9 of 10, on a real robot"
    ),
    _learning("Cheetahs from states", "dmc_state", "0.73 each"),
)
POLICIES = (
    _distilling(
        "Meta-World",
        "distill_metaworld",
        ("_onehot", "_language", "_image"),
        *("102 %", "96 %", "94 %"),
    ),
    _distilling("Franka Kitchen", "distill_kitchen"),
    _distilling("xArm", "distill_xarm"),
)
JOINING = (
    _distilling("Meta-World, one task after another", "lifelong_metaworld"),
    _distilling("Meta-World, with 2,000 steps kept of each task", "lifelong_metaworld_2000"),
    _distilling("Franka Kitchen, one task after another", "lifelong_kitchen"),
)
DEPENDENCE = (
    _distilling("Steps kept of each task", "distill_kept"),
    _distilling("Weights of the policy", "distill_sizes"),
    _distilling("Gradient surgery", "distill_pcgrad"),
    _distilling("Pictures, taught by experts that see states", "distill_privileged"),
)
TRANSFER = Study("Forward transfer", "./run study transfer", ("transfer_metaworld",))
STUDIES = (*EXPERTS, *POLICIES, *JOINING, *DEPENDENCE, TRANSFER)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    top = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*top, *lines]) if lines else ""


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


EFFORT = ["seeds", "tests a task", "computed on", "command"]


def sections(
    studies: Sequence[Study], results: Results, told: Callable[[Study, list[Result]], str]
) -> str:
    """Return a section for each study: what `told` says, or that it has not been measured."""
    text = []
    for study in studies:
        found = study.found(results)
        complete = len(found) == len(study.files)
        parts = [f"### {study.title}", told(study, found) if found else ""]
        text += [*parts, "" if complete else study.missing()]
    return "\n\n".join(part for part in text if part)


def _expert_tables(_: Study, found: list[Result]) -> str:
    """Return one table a claim: task after task."""
    return "\n\n".join(_returns(one) if one.get("full_return") else _held(one) for one in found)


def _held(found: Result) -> str:
    rows = [
        [
            f"`{task}`",
            counted(row),
            percent(fmean(one["validated_clone"] for one in row["experts"])),
            percent(fmean(one["validated_best"] for one in row["experts"])),
            *_costs(row),
        ]
        for task, row in found["tasks"].items()
    ]
    return table(["task", "`held`", "clone", "best", "actions", "seconds"], rows)


def _returns(found: Result) -> str:
    rows = [
        [
            f"`{task}`",
            f"{row['mean_return']:.0f}",
            ", ".join(f"{one['mean_return']:.0f}" for one in row["experts"]),
            *_costs(row),
        ]
        for task, row in found["tasks"].items()
    ]
    return table(["task", "mean return", "of each seed", "actions", "seconds"], rows)


def _costs(row: Result) -> list[str]:
    seconds = row.get("median_seconds")
    steps = median(one["steps_of_best"] for one in row["experts"])
    return [f"{steps:,.0f}", NOTHING if seconds is None else f"{seconds:,.0f}"]


def experts(results: Results) -> str:
    """Return what is known of experts: all in one table, then each claim in its own."""
    found = [(study, one) for study in EXPERTS for one in study.found(results)]
    rows = [
        [
            study.title,
            effective(one),
            one["paper"],
            span(row["steps_allowed"] for row in one["tasks"].values()),
            *effort(one),
        ]
        for study, one in found
    ]
    head = ["experts", "effective tasks", "the paper's, from pictures", "actions allowed", *EFFORT]
    parts = [table(head, rows), sections(EXPERTS, results, _expert_tables)]
    return "\n\n".join(part for part in parts if part)


def _against(found: Result) -> list[str]:
    experts_ = f"{found['experts_effective_tasks']:.2f}"
    return [effective(found), experts_, percent(found["retention"])]


AGAINST = ["effective tasks", "its experts'", "retention"]


def _policy_table(_: Study, found: list[Result]) -> str:
    """Return a table of each task: its experts, and the policy by each kind of goal."""
    rows = [
        [
            f"`{task}`",
            f"{row['experts']} of {row['episodes']}",
            *(counted(one["tasks"][task]) for one in found),
        ]
        for task, row in found[0]["tasks"].items()
    ]
    return table(["task", "its experts", *(f"by {GOALS[one['goal']]}" for one in found)], rows)


def policies(results: Results) -> str:
    """Return what is known of one policy for all tasks of a suite."""
    rows = [
        [study.title, GOALS[one["goal"]], *_against(one), one["paper"], *effort(one)]
        for study in POLICIES
        for one in study.found(results)
    ]
    head = ["policy", "asked by", *AGAINST, "the paper's, from pictures", *EFFORT]
    parts = [table(head, rows), sections(POLICIES, results, _policy_table)]
    return "\n\n".join(part for part in parts if part)


def _map(_: Study, found: list[Result]) -> str:
    """Return the success of each task after each stage, in parts of a hundred."""
    (one,) = found
    stages, drops = one["heat_map"], one["drops"]
    order = list(dict.fromkeys(task for rates in stages for task in rates))
    rows = []
    for task in order:
        cells = [f"{100 * rates[task]:.0f}" if task in rates else "" for rates in stages]
        rows.append([f"`{task}`", *cells, points(drops[task])])
    numbers = [str(number) for number in range(1, len(stages))]
    return table(["task", *numbers, "end", "drop"], rows)


def joining(results: Results) -> str:
    """Return what is known of tasks that join one after another."""
    rows = [
        [study.title, *_against(one), *(points(one[name]) for name in MEASURES), *effort(one)]
        for study in JOINING
        for one in study.found(results)
    ]
    head = ["policy", *AGAINST, *(name.replace("_", " ") for name in MEASURES), *EFFORT]
    parts = [table(head, rows), sections(JOINING, results, _map)]
    return "\n\n".join(part for part in parts if part)


def _variants(study: Study, found: list[Result]) -> str:
    """Return a table of all variants; of a study without, that of its tasks."""
    (one,) = found
    variants = one.get("variants", {"": one})
    rows = []
    for name, variant in variants.items():
        worst = min(variant["tasks"], key=lambda task: _rate(variant["tasks"][task]))
        rows.append([name, *_against(variant), f"`{worst}`, {counted(variant['tasks'][worst])}"])
        rows[-1] += effort(variant)
    head = [study.title.lower(), *AGAINST, "the worst task", *EFFORT]
    if "variants" in one:
        return table(head, rows)
    return f"{table(head[1:], [row[1:] for row in rows])}\n\n{_policy_table(study, found)}"


def _rate(row: Result) -> float:
    return float(row["successes"] / row["episodes"])


def dependence(results: Results) -> str:
    """Return what a policy depends on."""
    return sections(DEPENDENCE, results, _variants)


def transfer(results: Results) -> str:
    """Return what earlier tasks bring to experts of new ones."""
    found = TRANSFER.found(results)
    if not found:
        return TRANSFER.missing()
    (one,) = found
    rows = [[f"`{task}`", *_gain(row)] for task, row in one["tasks"].items()]
    pairs = [f"{name}{alone}" for name in ("clone", "area", "actions") for alone in ("", ", alone")]
    mean = f"Mean forward transfer: {one['forward_transfer']:.2f}, {len(one['seeds'])} seeds"
    about = f"{mean} a task, on {one['device']}: `{one['command']}`."
    return f"{about}\n\n{table(['task', 'forward transfer', *pairs], rows)}"


def _gain(row: Result) -> list[str]:
    gain = row["forward_transfer"]
    means = {name: fmean(one[name] for one in row["experts"]) for name in row["experts"][0]}
    cells = [NOTHING if gain is None else f"{gain:.2f}"]
    cells += [percent(means[name]) for name in ("clone", "clone_alone")]
    cells += [f"{means[name]:.2f}" for name in ("area", "area_alone")]
    return cells + [f"{means[name]:,.0f}" for name in ("steps", "steps_alone")]


def learned(results: Results) -> str:
    """Return all experts and policies in one table, for the README."""
    rows = []
    for kind, studies in (("experts", EXPERTS), ("one policy", POLICIES), ("joining", JOINING)):
        for study in studies:
            for one in study.found(results):
                goal = f", asked by {GOALS[one['goal']]}" if "goal" in one else ""
                kept = percent(one["retention"]) if "retention" in one else NOTHING
                cells = [f"{kind}: {study.title}{goal}", effective(one), kept, tests(one)]
                rows.append([*cells, f"`{one['command']}`"])
    head = ["what was learnt", "effective tasks", "of its experts'", "tests a task", "command"]
    return table(head, rows) or "\n\n".join(study.missing() for study in EXPERTS[:1])


BLOCKS = {
    render.__name__: render
    for render in (experts, policies, joining, dependence, transfer, learned)
}


def filled(text: str, folder: Path = RESULTS) -> str:
    """Return a page with the newest figures of `folder` between its marks, which stay.

    Raise KeyError where a mark names no part of the page.
    """
    files = {name: folder / f"{name}.json" for study in STUDIES for name in study.files}
    results = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.is_file()
    }
    return BLOCK.sub(lambda mark: f"{mark[1]}\n{BLOCKS[mark[2]](results)}\n\n{mark[3]}", text)


def main() -> None:
    """Write the pages anew."""
    for page in PAGES:
        text = filled(page.read_text(encoding="utf-8"))
        aside = page.with_suffix(".partial")
        aside.write_text(text, encoding="utf-8")
        aside.rename(page)


if __name__ == "__main__":
    main()
