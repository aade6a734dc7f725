"""`polytask demos collect`: demonstrations from a suite's own scripts."""

import argparse
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from polytask_contract.cli import argument_types
from polytask_contract.environment import Environment
from polytask_contract.episodes.collect import HOLD, CollectionFailed, collect
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.seeds import check_demonstrated
from polytask_contract.specification import Observations
from polytask_contract.suites import Policy, Suite, find_suite

ALL = "all"
# What a script may look at, whatever is recorded.
EVERYTHING = Observations(state=True, image=None, goal=True)


class Collected(NamedTuple):
    """What came of one task."""

    task: str
    made: int
    attempts: int
    steps: int
    problem: str


class CollectDemonstrations:
    """Lets scripts act and keeps what ends in success and holds it."""

    summary = "let a suite's scripts demonstrate tasks, and keep what ends in success"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("--suite", required=True, help="the suite, as metaworld")
        add("--task", required=True, nargs="+", help=f"tasks of the suite, or {ALL}")
        add("--count", type=argument_types.positive, default=1, help="new demonstrations a task")
        add(
            "--seed",
            type=argument_types.seed,
            default=0,
            help="the first seed; seeds that the output has already are passed over",
        )
        add("--output", type=Path, default=Path("demonstrations"), help="the store to add to")
        add(
            "--image",
            type=argument_types.size_or_none,
            default=(84, 84),
            metavar="84x84|none",
            help="size of the pictures, rows x columns (default: 84x84)",
        )
        add("--no-state", dest="state", action="store_false", help="record no states")
        add(
            "--goal",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="record the place to reach in the state, where a suite keeps it apart",
        )
        add(
            "--hold",
            type=argument_types.positive,
            default=HOLD,
            help="steps in a row that success must be up for at the end",
        )

    def perform(self, options: argparse.Namespace) -> int:
        """Collect task by task; the status is 1 if one of them gave too few.

        Raise SeedInUse for a first seed that tests have.
        """
        check_demonstrated(options.seed)
        observations = Observations(options.state, options.image, options.goal)
        suite = find_suite(options.suite)
        # A suite may know of more tasks than it lists, so it is asked for each.
        named = [task for task in options.task if task != ALL]
        tasks = [*named, *(suite.tasks if ALL in options.task else ())]
        scripts = {task: suite.demonstrator(task) for task in tasks}
        store = EpisodeStore(options.output)
        with closing(suite.make(next(iter(scripts)), 0, observations)) as environment:
            form = Form.of(environment.specification)
        taken = {}
        for task in scripts:
            store.check(form, task)
            taken[task] = store.seeds(form.suite, task)
        results = []
        for task, script in scripts.items():
            with ExitStack() as open_environments:
                pair = _environments(suite, task, observations, open_environments)
                results.append(_collect(options, store, taken[task], script, *pair))
        _report(results)
        return 1 if any(result.problem for result in results) else 0


def _environments(
    suite: Suite, task: str, observations: Observations, close_later: ExitStack
) -> tuple[Environment, Environment | None]:
    """Return what is recorded, and what the script sees if that is to be more."""
    wanted = [observations]
    if not (observations.state and observations.goal):
        wanted.append(EVERYTHING)
    made = [close_later.enter_context(closing(suite.make(task, 0, one))) for one in wanted]
    return made[0], made[1] if len(made) > 1 else None


def _collect(
    options: argparse.Namespace,
    store: EpisodeStore,
    taken: set[int],
    script: Policy,
    environment: Environment,
    sight: Environment | None,
) -> Collected:
    suite, task = environment.specification.suite, environment.task
    made = attempts = steps = 0
    problem = ""
    try:
        for seed, episode in collect(
            environment,
            script,
            options.count,
            options.seed,
            hold=options.hold,
            sight=sight,
            taken=taken,
        ):
            attempts += 1
            if episode is None:
                print(f"{suite} {task}: seed {seed} did not succeed", flush=True)
                continue
            path = store.add(episode)
            made, steps = made + 1, steps + len(episode)
            print(f"{path}: seed {seed}, {len(episode)} steps", flush=True)
    except CollectionFailed as error:
        problem = str(error)
    return Collected(task, made, attempts, steps, problem)


def _report(results: list[Collected]) -> None:
    width = max(len("task"), *(len(result.task) for result in results))
    lines = [f"{'task':<{width}} {'collected':>9} {'attempts':>8} {'steps':>7}"]
    for task, made, attempts, steps, problem in results:
        lines.append(f"{task:<{width}} {made:>9} {attempts:>8} {steps:>7}")
        if problem:
            lines.append(f"  {problem}")
    print("\n".join(lines))
