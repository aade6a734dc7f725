"""`polytask evaluate`: how often experts and policies succeed, on seeds that no training saw."""

import argparse
import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, NamedTuple

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.durable import replacing
from polytask_contract.seeds import TESTS
from polytask_contract.success import RULES
from polytask_learning.cli.distill import GOALS
from polytask_learning.cli.evaluate_unified import asked_of, evaluate_unified

if TYPE_CHECKING:
    from polytask_learning.training.evaluation_file import KeptEvaluation
    from polytask_learning.training.paired import Paired


class Judged(NamedTuple):
    """A run, its manifest, and how its best expert did."""

    path: Path
    manifest: dict[str, Any]
    kept: "KeptEvaluation"

    @property
    def task(self) -> str:
        """The suite and task."""
        request = self.manifest["request"]
        return f"{request['suite']} {request['task']}"


class Compared(NamedTuple):
    """Two runs of a task on the same seeds, by a rule."""

    first: Judged
    second: Judged
    rule: str
    paired: "Paired"


class Evaluate:
    """Lets experts and unified policies act on test seeds, the same for all."""

    summary = "let experts and policies act on test seeds, and tell how often they succeed"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("runs", type=Path, nargs="+", metavar="RUN", help="an expert's or a policy's folder")
        episodes = "episodes for each expert, or each of a policy's tasks and goals"
        add("--episodes", type=argument_types.positive, default=50, help=episodes)
        add("--seed", type=argument_types.seed, default=TESTS.start, help="the first seed")
        goals = "of a policy's goals, these kinds; all by default"
        add("--goal", choices=GOALS, nargs="+", default=[], help=goals)
        stages = "of a policy's life, only the last stage or all"
        add("--stages", choices=("last", "all"), default="last", help=stages)
        add("--json", type=Path, metavar="FILE", help="write all that was found to FILE, too")
        add("--again", action="store_true", help="repeat what is known already")

    def perform(self, options: argparse.Namespace) -> int:
        """Evaluate run by run, then compare those of the same task."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.distilling.unified_folder import is_unified  # noqa: PLC0415
        from polytask_learning.training.evaluate_run import (  # noqa: PLC0415
            NoTestSeeds,
            evaluate_run,
            seeds_for_tests,
        )
        from polytask_learning.training.run_folder import RunFolder  # noqa: PLC0415

        try:
            seeds = seeds_for_tests(options.seed, options.episodes)
        except NoTestSeeds as error:
            raise UsageError(str(error)) from error
        # A wrong name should not be found out after the first run's minutes.
        unified = [path for path in options.runs if is_unified(path)]
        if not unified and (options.goal or options.stages == "all"):
            raise UsageError("--goal and --stages are about policies of many tasks; none is given")
        policies = [asked_of(path, options.goal) for path in unified]
        found = [evaluate_unified(asked, seeds, options) for asked in policies]
        runs = [path for path in options.runs if path not in unified]
        manifests = [RunFolder(path).manifest for path in runs]
        judged = []
        for path, manifest in zip(runs, manifests, strict=True):
            judged.append(Judged(path, manifest, evaluate_run(path, seeds, again=options.again)))
            print(_told(judged[-1]), flush=True)
        compared = list(_compared(judged))
        if len(judged) > 1:
            print(_table(judged))
        for one in compared:
            print(_told_pair(one))
        if options.json:
            _write(options.json, judged, compared, found)
        return 0


def _told(judged: Judged) -> str:
    result, request = judged.kept.result, judged.manifest["request"]
    lines = [
        f"{judged.path}: {judged.task}, seed {request['seed']}, the expert of "
        f"{judged.kept.steps} steps, on seeds {result.seeds[0]} to {result.seeds[-1]}"
    ]
    reward = judged.manifest.get("reward_version")
    lines += [f"  reward version {reward}"] if reward is not None else []
    for rule in RULES:
        low, high = result.interval(rule)
        lines.append(
            f"  {rule:<6} {result.successes(rule)} of {len(result.seeds)} succeeded: "
            f"{result.rate(rule):.1%}, 95 % interval {low:.1%} to {high:.1%}"
        )
    lines.append(f"  return mean {mean(result.returns):.4g}, median {median(result.returns):.4g}")
    return "\n".join(lines)


def _table(judged: list[Judged]) -> str:
    head = ["run", "task", "steps", *RULES, "mean return", "median return"]
    rows = [
        [
            str(one.path),
            one.task,
            str(one.kept.steps),
            *(f"{one.kept.result.successes(rule)}/{len(one.kept.seeds)}" for rule in RULES),
            f"{mean(one.kept.result.returns):.4g}",
            f"{median(one.kept.result.returns):.4g}",
        ]
        for one in judged
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(f"{cell:{'<' if place < 2 else '>'}{widths[place]}}" for place, cell in row)
        for row in map(enumerate, [head, *rows])
    ]
    return "\n" + "\n".join(line.rstrip() for line in lines)


def _compared(judged: list[Judged]) -> Iterator[Compared]:
    from polytask_learning.training.paired import paired  # noqa: PLC0415

    for first, second in combinations(judged, 2):
        if first.task == second.task:
            for rule in RULES:
                found = paired(first.kept.result, second.kept.result, rule)
                yield Compared(first, second, rule, found)


def _told_pair(compared: Compared) -> str:
    first, second, rule, found = compared
    return (
        f"{first.path} and {second.path}, {rule}: both {found.both}, only the first "
        f"{found.only_first}, only the second {found.only_second}, neither {found.neither}; "
        f"p = {found.p_value:.3g}"
    )


def _write(
    path: Path, judged: list[Judged], compared: list[Compared], policies: list[dict[str, Any]]
) -> None:
    from polytask_learning.training.evaluation_file import as_json  # noqa: PLC0415

    runs = [
        {"run": str(one.path), "request": one.manifest["request"], **as_json(one.kept)}
        for one in judged
    ]
    pairs = [
        {"first": str(first.path), "second": str(second.path), "rule": rule}
        | {**vars(found), "p_value": found.p_value}
        for first, second, rule, found in compared
    ]
    about = {"policies": policies} if policies else {}
    with replacing(path) as aside:
        aside.write_text(json.dumps({"runs": runs, "pairs": pairs} | about, indent=1) + "\n")
