"""What it costs to learn an expert through RosEnvironment instead of in the suite's own process.

Both learn the same task from the same demonstration by the same seed, in processes of their own
that take turns; what they make is compared, bit for bit. The world over ROS is served by a process,
as in a lab, so a second core has something to do, too.
"""

import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_contract.environment import Environment
from polytask_contract.episodes.collect import collect
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.training.checkpoint import same
from polytask_learning.training.learn import learn_in
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment

SUITE, TASK = "metaworld", "drawer-close"
REQUEST = Request(SUITE, TASK, steps=2000, evaluate_every=2000, evaluation_episodes=10)
NAMESPACE = "/ros_learning_benchmark"
ROUNDS = 7
BLIND = {"suite": SUITE, "image_height": 0, "image_width": 0}


def learn_here(store: Path, run: Path, answer: Any) -> None:
    """Learn in the suite itself and send how long that took [s]."""
    made = find_suite(SUITE).make(TASK, REQUEST.seed, Observations(image=None))
    with closing(made) as environment:
        answer.send(learnt(environment, store, run))


def learn_there(store: Path, run: Path, answer: Any) -> None:
    """Learn in the environment that is served over ROS and send how long that took [s]."""
    with closing(RosEnvironment(TASK, namespace=NAMESPACE, timeout=60.0)) as environment:
        answer.send(learnt(environment, store, run))


def learnt(environment: Environment, store: Path, run: Path) -> float:
    """Return how long learning took [s]; the process's imports and the world's making are over."""
    begun = time.monotonic()
    learn_in(environment, REQUEST, EpisodeStore(store), run, lambda _: None)
    return time.monotonic() - begun


def demonstrate(store: Path) -> None:
    """Let the suite's script show the task once."""
    suite = find_suite(SUITE)
    with closing(suite.make(TASK, 0, Observations(image=None))) as environment:
        for _seed, episode in collect(environment, suite.demonstrator(TASK), 1, 0):
            if episode is not None:
                EpisodeStore(store).add(episode)


def measured(children: Children, folder: Path) -> tuple[list[float], list[float]]:
    """Return how long each round took, over ROS and in process [s]."""
    there: list[float] = []
    here: list[float] = []
    for number in range(ROUNDS):
        for times, work, name in ((there, learn_there, "there"), (here, learn_here, "here")):
            answer, sender = SPAWN.Pipe(duplex=False)
            run = folder / f"{name}-{number}"
            children.start(work, folder / "shown", run, sender)
            times.append(children.receive(answer))
        say(f"round {number}: {there[-1]:.1f} s over ROS, {here[-1]:.1f} s in process")
    return there, here


def main() -> None:
    """Learn in turns and print how long each way takes."""
    refuse_arguments()
    with (
        ended_in_order("ros_learning"),
        TemporaryDirectory() as place,
        Children() as children,
        NodeProcess(
            executable("polytask_sim", "sim_environment"), parameters=BLIND, namespace=NAMESPACE
        ),
    ):
        folder = Path(place)
        demonstrate(folder / "shown")
        there, here = measured(children, folder)
        runs = [RunFolder(folder / f"{name}-0") for name in ("there", "here")]
        equal = same(*(run.latest() for run in runs))
    ratios = [mine / other for mine, other in zip(here, there, strict=True)]
    row = {
        "ours": median(there),
        "peer": median(here),
        "ratio": median(ratios),
        "unit": "s",
        "bit for bit the same": equal,
    }
    report("ros_learning", {f"{SUITE} {TASK}, {REQUEST.steps} steps": row})


if __name__ == "__main__":
    main()
