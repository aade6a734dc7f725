"""The executable `demo`: tasks are learnt one by one, distilled into one policy, and asked for.

Everything runs as a lab would run it: nodes in processes of their own, which are asked over ROS.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from polytask_contract.episodes.collect import collect
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import PolyTaskError
from polytask_contract.seeds import TESTS
from polytask_contract.suites import find_suite
from polytask_learning.distilling.unified_folder import UnifiedFolder
from polytask_learning.jobs.leash import leashed
from polytask_learning.reports.demo_report import Requested, write_demo_report
from polytask_learning.ros.arm_operator import ArmOperator
from polytask_learning.ros.demo_progress import DemoProgress
from polytask_learning.ros.demo_worlds import LEARNING, WORLDS, Asked, DemoWorld, Part
from polytask_learning.ros.goal_client import GoalClient
from polytask_msgs.action import Distill, RunTask, TrainExpert
from polytask_msgs.msg import TaskGoal
from polytask_msgs.srv import LoadPolicy
from polytask_ros import names
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment

NAMESPACE = "/polytask_demo"
SUCCESS = TrainExpert.Result.SUCCESS
# A node that others need says within so long that it is ready [s].
STARTING = 60.0
# A policy that reads sentences is loaded with what understands them [s].
LOADING = 120.0


class DemoFailed(PolyTaskError):
    """A part of the demo did not do what it is there for; the message says which, and why."""


class Demo:
    """One world's demo in a folder, where a second call goes on."""

    def __init__(self, world: DemoWorld, folder: Path, console: Console) -> None:
        """Keep everything in `folder`, and say on `console` what happens."""
        self._world, self._folder, self._console = world, folder, console
        self._store = EpisodeStore(folder / "demonstrations")
        self._nodes: dict[str, NodeProcess] = {}

    def run(self) -> bool:
        """Do it all; tell whether every task succeeded each time that it was asked for."""
        with ExitStack() as stack:
            for part in (*self._world.parts, self._world.learner()):
                stack.enter_context(self._started(part))
            self._say(f"{len(self._nodes)} nodes are up in {NAMESPACE}")
            if self._world.has_arm:
                stack.enter_context(closing(ArmOperator(NAMESPACE, self._say)))
            for asked in self._world.tasks:
                self._demonstrate(asked.task)
            with self._client() as client:
                for asked in self._world.tasks:
                    self._learn(client, asked.task)
                for name in ("distiller", "policy"):
                    stack.enter_context(self._started(Part(LEARNING, name)))
                self._distil(client)
                requested = self._ask_for_all(client)
        self._show(requested)
        report = write_demo_report(self._folder, UnifiedFolder(self._unified), requested)
        self._say(f"the report, with a film of each task: {report}")
        return all(one.successes == one.episodes for one in requested)

    @property
    def _unified(self) -> Path:
        return self._folder / "policy"

    def _expert(self, task: str) -> Path:
        return self._folder / "experts" / task

    # Processes

    @contextmanager
    def _started(self, part: Part) -> Iterator[None]:
        log = self._folder / "logs" / f"{part.executable}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("w") as file,
            NodeProcess(
                *leashed([str(executable(part.package, part.executable))]),
                parameters=part.parameters,
                namespace=NAMESPACE,
                stdout=file,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            self._nodes[part.executable] = process
            try:
                self._wait_for(part, log)
                yield
            finally:
                del self._nodes[part.executable]

    def _wait_for(self, part: Part, log: Path) -> None:
        """Wait until a part has said that it is ready, if it says so."""
        deadline = time.monotonic() + STARTING
        while part.ready not in log.read_text(errors="replace"):
            self._check_nodes()
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"{part.executable} was not ready within {STARTING:g} s; see {log}"
                )
            time.sleep(0.1)

    def _check_nodes(self) -> None:
        """Raise DemoFailed where a node has ended, with the last that it said."""
        for name, process in self._nodes.items():
            if not process.running():
                log = self._folder / "logs" / f"{name}.log"
                said = log.read_text(errors="replace").strip().splitlines()
                raise DemoFailed(f"the node {name} has ended: {said[-1] if said else 'in silence'}")

    @contextmanager
    def _client(self) -> Iterator[GoalClient]:
        with closing(GoalClient(NAMESPACE, self._check_nodes)) as client:
            yield client

    # Demonstrating, learning, distilling

    def _demonstrate(self, task: str) -> None:
        """Let the suite's script show the task once, in the world that it is learnt in."""
        if self._store.paths(self._world.suite, task):
            return
        script = find_suite(self._world.suite).demonstrator(task)
        with closing(self._environment(task)) as environment:
            for _seed, episode in collect(environment, script, 1, 0):
                if episode is not None:
                    self._say(f"{task}: one demonstration of {len(episode)} steps")
                    self._store.add(episode)

    def _environment(self, task: str) -> RosEnvironment:
        return RosEnvironment(task, namespace=NAMESPACE, timeout=30.0, waiting=self._check_nodes)

    def _learn(self, client: GoalClient, task: str) -> None:
        goal = TrainExpert.Goal(
            task=task,
            run=str(self._expert(task)),
            demonstrations=[str(self._store.root)],
            reward=self._world.reward,
            preset="fast",
            steps=self._world.steps,
        )
        result = self._achieved(client, TrainExpert, names.TRAIN, goal, task)
        self._say(
            f"{task}: an expert after {result.steps} steps of practice; {result.success:.0%} of "
            f"{result.episodes} episodes succeed"
        )

    def _distil(self, client: GoalClient) -> None:
        experts = [str(self._expert(asked.task)) for asked in self._world.tasks]
        goal = Distill.Goal(
            run=str(self._unified),
            experts=experts,
            modalities=[TaskGoal.ONE_HOT, TaskGoal.TEXT],
            preset="fast",
            updates=self._world.updates,
        )
        result = self._achieved(client, Distill, names.DISTILL, goal, "all of them")
        self._say(f"one policy of {len(result.tasks)} tasks, {result.parameters:,} weights")
        request = LoadPolicy.Request(run=str(self._unified))
        answer = client.call(
            LoadPolicy, names.LOAD_POLICY, request, beside=names.RUN_TASK, timeout=LOADING
        )
        if answer.code != SUCCESS:
            raise DemoFailed(f"the policy cannot be loaded: {answer.message}")

    def _achieved(self, client: GoalClient, kind: Any, name: str, goal: Any, what: str) -> Any:
        with closing(DemoProgress(what, self._console)) as progress:
            result = client.achieve(kind, name, goal, progress)
        if result.code != SUCCESS:
            raise DemoFailed(f"{what}: {result.message or 'the node broke off; its log says why'}")
        return result

    # Asking

    def _ask_for_all(self, client: GoalClient) -> list[Requested]:
        count = len(self._world.tasks)
        requested = []
        for number, asked in enumerate(self._world.tasks):
            one_hot = TaskGoal(modality=TaskGoal.ONE_HOT, index=number, count=count)
            text = TaskGoal(modality=TaskGoal.TEXT, text=asked.words)
            requested.append(self._ask(client, text, f"“{asked.words}”", asked))
            requested.append(self._ask(client, one_hot, f"task {number} of {count}", asked))
        return requested

    def _ask(self, client: GoalClient, goal: Any, said: str, asked: Asked) -> Requested:
        successes, understood = 0, ""
        for seed in TESTS[: self._world.requests]:
            wanted = RunTask.Goal(goal=goal, seed=seed)
            result = client.achieve(RunTask, names.RUN_TASK, wanted)
            if result.code == RunTask.Result.FAILED:
                # A robot may stop; that is not done, and the next episode may be.
                self._say(f"{said}: stopped, as {result.message}")
                continue
            if result.code != SUCCESS:
                raise DemoFailed(f"{said}: {result.message}")
            understood = result.task
            successes += bool(result.success) and understood == asked.task
        self._say(f"{said}: {understood}, {successes} of {self._world.requests}")
        return Requested(said, asked.task, understood, successes, self._world.requests)

    def _show(self, requested: Sequence[Requested]) -> None:
        width = max(len(one.said) for one in requested)
        lines = [f"  {'asked for':<{width}}  {'understood as':<22} done"]
        lines += [
            f"  {one.said:<{width}}  {one.understood:<22} {one.successes} of {one.episodes}"
            for one in requested
        ]
        self._say("\n".join(["", *lines, ""]))

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    robot = "sim: four tasks of Meta-World; emulated: two of the xArm, in real time"
    parser.add_argument("--robot", choices=("emulated", "sim"), default="sim", help=robot)
    small = "a point on a table instead: everything in a minute"
    parser.add_argument("--quick", action="store_true", help=small)
    place = "where everything is kept (default: a folder in runs/demo)"
    parser.add_argument("--output", type=Path, help=place)
    options = parser.parse_args(arguments)
    if options.quick and options.robot != "sim":
        parser.error("--quick is a world of its own; valid with it: --robot sim")
    return options


def main() -> None:
    """Run the demo; the exit status is 0 when each task succeeded each time it was asked for."""
    options = parse(sys.argv[1:])
    world = "quick" if options.quick else options.robot
    folder = (options.output or Path("runs", "demo", world)).absolute()
    console = Console()
    # SIGINT, too: what a shell starts in the background is told to ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        done = Demo(WORLDS[world](), folder, console).run()
    except (PolyTaskError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        sys.exit(130)
    sys.exit(0 if done else 1)
