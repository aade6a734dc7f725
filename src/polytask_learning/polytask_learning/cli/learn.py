"""`polytask learn`: experts of one task or of many, from demonstrations and practice."""

import argparse
from contextlib import closing
from pathlib import Path

from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.suites import find_suite
from polytask_learning.cli.compute_options import compute_of, describe_compute
from polytask_learning.cli.practice_options import describe_practice, request_of
from polytask_learning.cli.teaching_options import describe_teaching
from polytask_learning.jobs.choices import (
    ALL,
    AUTO,
    EXECUTORS,
    LOCAL,
    executor_of,
    tasks_of,
    workers,
)
from polytask_learning.jobs.many import learn_many


class Learn:
    """Learns from demonstrations and practice, and goes on where it was stopped."""

    summary = "learn tasks from demonstrations and practice; a second call goes on"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--suite", required=True, help="the suite, as metaworld")
        add("--task", required=True, nargs="+", help=f"tasks of the suite, or {ALL}")
        add("--obs", choices=("state", "pixels"), default="state", help="what the policy sees")
        start = "a unified policy's folder: the expert begins as that policy, and as large"
        add("--start-from", type=Path, metavar="RUN", help=start)
        pictures = "keep pictures of practice, for a policy that sees them to learn from"
        add("--pictures", action=argparse.BooleanOptionalAction, default=False, help=pictures)
        many = "learners at once: a number, or auto for the CPUs"
        add("--jobs", type=workers, default=AUTO, help=many)
        add("--executor", choices=EXECUTORS, default=LOCAL, help="where several learners run")
        place = "the run's folder, with several tasks that of all runs "
        add("--output", type=Path, help=f"{place}(default: runs/SUITE/TASK/seed-SEED)")
        films = "film a success and a failure for the report"
        add("--videos", action=argparse.BooleanOptionalAction, default=True, help=films)
        describe_teaching(parser)
        describe_practice(parser)
        describe_compute(parser)

    def perform(self, options: argparse.Namespace) -> int:
        """Learn; the status is 0 when every learner went to its end."""
        tasks = tasks_of(options.task, find_suite(options.suite))
        if len(tasks) > 1 or options.executor != LOCAL:
            alone = len(tasks) == 1
            folders = {task: _folder(options, task, alone=alone) for task in tasks}
            return learn_many(folders, options, executor_of(options.executor, options.jobs), _say)
        return _learn_one(options, tasks[0])


def _learn_one(options: argparse.Namespace, task: str) -> int:
    # Torch takes seconds to import, which listing the verbs should not.
    from polytask_learning.cli.sinks import sinks_of  # noqa: PLC0415
    from polytask_learning.distilling.transfer import started_from  # noqa: PLC0415
    from polytask_learning.distilling.unified_policy import UnifiedPolicy  # noqa: PLC0415
    from polytask_learning.reports.run_report import write_report  # noqa: PLC0415
    from polytask_learning.training.assembly import Maker, make_expert  # noqa: PLC0415
    from polytask_learning.training.learn import learn  # noqa: PLC0415
    from polytask_learning.training.means import Means  # noqa: PLC0415
    from polytask_learning.training.playing import Playing  # noqa: PLC0415
    from polytask_learning.training.relabel import relabel  # noqa: PLC0415

    more = {"observations": options.obs, "pictures": options.pictures}
    request = request_of(options, options.suite, task, **more)
    store = EpisodeStore(options.demonstrations)
    path, means = _folder(options, task, alone=True), Means(compute_of(options))
    make: Maker = make_expert
    if options.start_from:
        request, make = started_from(UnifiedPolicy(options.start_from), request)
    with closing(sinks_of(path, request.steps)) as sink:
        folder = learn(request, store, path, sink, means, make)
    relabel(path, options.keep, store, Playing(options.played))
    _say(f"{path}: the best policy is in checkpoints/best.checkpoint")
    _say(f"{write_report(folder, videos=options.videos)}: the report")
    return 0


def _folder(options: argparse.Namespace, task: str, *, alone: bool) -> Path:
    if options.output is None:
        return Path("runs", options.suite, task, f"seed-{options.seed}")
    output: Path = options.output
    return output if alone else output / task


def _say(text: str) -> None:
    print(text, flush=True)
