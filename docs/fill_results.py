"""Fills what the learner was measured to do into docs/learned.md and README.md.

The pages are written by hand but for what stands between `<!-- filled: NAME -->` and
`<!-- end -->`: that is made of the files in docs/results/, which `./run study` writes.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs._cells import (
    NOTHING,
    Result,
    Row,
    against,
    counted,
    effective,
    effort,
    kept,
    percent,
    points,
    span,
    table,
)
from polytask_contract.durable import replacing

DOCS = Path(__file__).resolve().parent
RESULTS = DOCS / "results"
PAGES = (DOCS / "learned.md", DOCS.parent / "README.md")
BLOCK = re.compile(r"(<!-- filled: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
MEASURES = ("forgetting", "worst_drop", "backward_transfer", "negative_backward_transfer")
GOALS = {"onehot": "one-hot", "language": "language", "image": "image", "index": "index"}
BY_GOAL = ("_onehot", "_language", "_image")
CHOSEN = ("clone", "best")

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
    Study("Meta-World", "distilling distill_metaworld", ("102 %", "96 %", "94 %"), BY_GOAL),
    Study("Franka Kitchen", "distilling distill_kitchen"),
    Study("xArm", "distilling distill_xarm"),
    Study("Cheetahs", "distilling distill_dmc"),
    Study("Meta-World from pictures, taught from states", "distilling distill_privileged"),
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
)
TRANSFER = Study("Meta-World", "transfer", ends=("_metaworld",))
STUDIES = (*EXPERTS, *POLICIES, *JOINING, *DEPENDENCE, TRANSFER)


def chapter(
    studies: Sequence[Study],
    results: Results,
    told: Callable[[Sequence[Result]], str],
    cells: Callable[[Result], Row] | None = None,
) -> str:
    """Return a table with a row of `cells` for each result, if given, then sections.

    A study's section is what `told` says of its results, and how to make those that are missing.
    """
    pairs = [(study, one) for study in studies if cells for one in study.found(results)]
    rows = [{"": study.title} | cells(one) | effort(one) for study, one in pairs if cells]
    text = [table(rows)]
    for study in studies:
        found = study.found(results)
        text.append(f"### {study.title}")
        if found:
            claim = found[0]["claim"]
            text += [f"{claim[0].upper()}{claim[1:]}.", told(found)]
        if len(found) < len(study.files):
            text.append(study.missing())
    return "\n\n".join(part for part in text if part)


def tasks_of_experts(found: Sequence[Result]) -> str:
    """Return a table of each task's experts: their success, or where that is measured, return."""
    rows = []
    for task, row in found[0]["tasks"].items():
        each, seconds = row["experts"], row["median_seconds"]
        if found[0].get("full_return"):
            returns = span(one["mean_return"] for one in each)
            cells = {"mean return": came(row), "of the seeds": returns}
        else:
            means = (percent(fmean(one[f"validated_{name}"] for one in each)) for name in CHOSEN)
            cells = {"`held`": counted(row)} | dict(zip(CHOSEN, means, strict=True))
        cells["actions"] = f"{median(one['steps_of_best'] for one in each):,.0f}"
        cells["seconds"] = NOTHING if seconds is None else f"{seconds:,.0f}"
        rows.append({"task": f"`{task}`"} | cells)
    return table(rows)


def allowed(found: Result) -> Row:
    """Return what experts came to, and in how many actions."""
    actions = span(row["steps_allowed"] for row in found["tasks"].values())
    return effective(found) | {"the paper's": found["paper"], "actions allowed": actions}


def tasks_of_policies(found: Sequence[Result]) -> str:
    """Return a table of each task: its experts, and the policy by each kind of goal."""
    rows = []
    for task, row in found[0]["tasks"].items():
        experts = f"{row['experts']} of {row['episodes']}"
        if "experts_mean_return" in row:
            experts = f"{row['experts_mean_return']:.0f}"
        cells = {f"by {GOALS[one['goal']]}": came(one["tasks"][task]) for one in found}
        rows.append({"task": f"`{task}`", "its experts": experts} | cells)
    return table(rows)


def came(row: Result) -> str:
    """Return what came of a task: how often it succeeded, or where that is measured, its return."""
    return f"{row['mean_return']:.0f}" if "mean_return" in row else counted(row)


def asked(found: Result) -> Row:
    """Return what a policy for all tasks of a suite came to, asked by one kind of goal."""
    goal, paper = {"asked by": GOALS[found["goal"]]}, {"the paper's retention": found["paper"]}
    return goal | against(found) | paper


def heat_map(found: Sequence[Result]) -> str:
    """Return the success of each task after each stage, in parts of a hundred."""
    stages, rows = found[0]["heat_map"], list[Row]()
    for task in dict.fromkeys(task for rates in stages for task in rates):
        row = {"task": f"`{task}`"}
        for number, rates in enumerate(stages, 1):
            name = "end" if number == len(stages) else str(number)
            row[name] = f"{100 * rates[task]:.0f}" if task in rates else ""
        rows.append(row | {"drop": points(found[0]["drops"][task])})
    return table(rows)


def joined(found: Result) -> Row:
    """Return what a policy came to whose tasks joined one after another."""
    return against(found) | {name.replace("_", " "): points(found[name]) for name in MEASURES}


def variants(found: Sequence[Result]) -> str:
    """Return a table of all variants."""
    rows = []
    for name, one in found[0]["variants"].items():
        rates = {task: row["successes"] / row["episodes"] for task, row in one["tasks"].items()}
        worst = min(one["tasks"], key=rates.__getitem__)
        told = f"`{worst}`, {counted(one['tasks'][worst])}"
        rows.append({"variant": name} | against(one) | {"the worst task": told} | effort(one))
    return table(rows)


def gains(found: Sequence[Result]) -> str:
    """Return a table of what a policy of the other tasks brings to each task's experts."""
    one, rows = found[0], []
    for task, row in one["tasks"].items():
        gain, cells = row["forward_transfer"], {"task": f"`{task}`"}
        cells["forward transfer"] = NOTHING if gain is None else f"{gain:.2f}"
        for name, form in {"clone": ".0%", "area": ".2f", "steps": ",.0f"}.items():
            for told, end in {"": "", ", alone": "_alone"}.items():
                mean = fmean(expert[name + end] for expert in row["experts"])
                cells[name + told] = format(mean, form).replace("%", " %")
        rows.append(cells)
    gained, about = one["area_gain"], f"{len(one['seeds'])} seeds a task; {one['device']}"
    area = "{mean:.3f} (95 % interval {low:.3f} to {high:.3f})".format(**gained)
    told = f"Mean forward transfer: {one['forward_transfer']:.2f}; the area grows by {area}"
    return f"{told}; {about}; `{one['command']}`.\n\n{table(rows)}"


def learned(results: Results) -> str:
    """Return all experts and policies in one table, for the README."""
    kinds = {"experts": EXPERTS, "one policy": POLICIES, "tasks that join": JOINING}
    rows = []
    for kind, study in ((kind, study) for kind, studies in kinds.items() for study in studies):
        for one in study.found(results):
            goal = f", asked by {GOALS[one['goal']]}" if "goal" in one else ""
            left = kept(one) if "retention" in one else NOTHING
            title = {"": f"{kind}: {study.title}{goal}"} | effective(one)
            rows.append(title | {"of its experts'": left} | effort(one))
            del rows[-1]["computed on"]
    return table(rows) or EXPERTS[0].missing()


PARTS: dict[str, Callable[[Results], str]] = {
    "experts": lambda results: chapter(EXPERTS, results, tasks_of_experts, allowed),
    "policies": lambda results: chapter(POLICIES, results, tasks_of_policies, asked),
    "joining": lambda results: chapter(JOINING, results, heat_map, joined),
    "dependence": lambda results: chapter(DEPENDENCE, results, variants),
    "transfer": lambda results: chapter((TRANSFER,), results, gains),
    "learned": learned,
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
        with replacing(page) as aside:
            aside.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
