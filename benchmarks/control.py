"""How long a policy takes to answer over ROS at 10 Hz, while a learner computes on the same cores.

The world is the point's, in real time: it notes when it has published an observation, and when the
action comes. One policy sees states, another one pictures; the node `policy` runs them, asked by
RunTask again and again. Beside it all the while, `polytask learn` trains an expert of Meta-World.
A period is missed when no action has come by its end.
"""

import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dm_env
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_contract.environment import Action
from polytask_contract.episodes.collect import collect
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_contract.world import Progress
from polytask_learning.distilling.distil import distil
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.ros.goal_client import GoalClient
from polytask_learning.training.learn import learn
from polytask_learning.training.relabel import relabel
from polytask_learning.training.request import PICTURE, Request
from polytask_msgs.action import RunTask
from polytask_msgs.msg import TaskGoal
from polytask_ros import names
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import run_node
from polytask_sim.suite_world import SuiteWorld

SUITE, TASK = "point", "north_east"
NAMESPACE = "/control_benchmark"
CASES = {"state": "state", "84x84": "pixels"}
PERIOD, MINUTES = 0.1, 5.0
PERIODS = round(60 * MINUTES / PERIOD)


class TimedWorld(SuiteWorld):
    """The suite's world, which sends how long each action took to come [s]; None where none did."""

    def __init__(self, observations: Observations, sender: "Connection[Any, Any]") -> None:
        """Send to `sender`."""
        super().__init__(find_suite(SUITE), observations)
        self._sender = sender
        self._opened, self._came = 0.0, float("nan")

    def begin(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Begin an episode, and open its first period."""
        timestep = yield from super().begin(task, seed)
        self._opened, self._came = time.monotonic(), float("nan")
        return timestep

    def anticipate(self, action: Action) -> None:
        """Note that the action of this period has come."""
        super().anticipate(action)
        self._came = time.monotonic() - self._opened

    def advance(self, action: Action) -> dm_env.TimeStep:
        """Move on, and open the next period."""
        self._sender.send(self._came)
        timestep = super().advance(action)
        self._opened, self._came = time.monotonic(), float("nan")
        return timestep


def serve(observations: Observations, sender: "Connection[Any, Any]") -> None:
    """Serve the timed world until told to end."""

    class TimedEnvironment(EnvironmentServer):
        """The node that serves it."""

        def make_world(self) -> TimedWorld:
            """Return the world."""
            return TimedWorld(observations, sender)

    sys.argv += ["-p", "pacing:=realtime", "-r", f"__ns:={NAMESPACE}"]
    run_node(lambda: TimedEnvironment("timed_environment"))


def make_policies(folder: Path) -> dict[str, Path]:
    """Make a policy that sees states and one that sees pictures: as large as any, untrained."""
    store, suite = EpisodeStore(folder / "shown"), find_suite(SUITE)
    with closing(suite.make(TASK, 0, Observations(image=PICTURE))) as environment:
        for _seed, episode in collect(environment, suite.demonstrator(TASK), 1, 0):
            if episode is not None:
                store.add(episode)
    run, made = folder / "expert", {}
    learn(Request(SUITE, TASK, steps=40, pictures=True, evaluation_episodes=1), store, run, _ignore)
    relabel(run, demonstrations=store)
    for case, seen in CASES.items():
        made[case] = folder / case
        distil(DistilRequest(observations=seen, updates=2), [run], made[case], _ignore)
    return made


def _ignore(_metrics: Any) -> None:
    """Take no notice."""


@contextmanager
def learner(folder: Path) -> Iterator[None]:
    """Let an expert of Meta-World be learnt meanwhile; who is never judged is never done."""
    task = ["--suite", "metaworld", "--task", "hammer"]
    store = folder / "demonstrations"
    collecting = ["polytask", "demos", "collect", *task, "--image", "none", "--output", str(store)]
    subprocess.run(collecting, check=True, stdout=subprocess.DEVNULL)
    learning = ["polytask", "learn", *task, "--demonstrations", str(store)]
    endless = ["--steps", "10000000", "--evaluate-every", "10000000"]
    place = ["--output", str(folder / "hammer")]
    process = subprocess.Popen([*learning, *endless, *place], stdout=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            sys.exit("control: the learner ended before the measurement did")
    finally:
        process.kill()
        process.wait()


def periods(children: Children, policy: Path, seen: str) -> np.ndarray[Any, Any]:
    """Return when the action of each of PERIODS periods came [s]."""
    image = PICTURE if seen == "pixels" else None
    receiver, sender = SPAWN.Pipe(duplex=False)
    server = children.start(serve, Observations(image=image), sender)
    times: list[float] = []
    goal = TaskGoal(modality=TaskGoal.ONE_HOT, index=0, count=1)
    node = executable("polytask_learning", "policy")
    with (
        NodeProcess(node, parameters={"run": str(policy)}, namespace=NAMESPACE),
        closing(GoalClient(NAMESPACE, timeout=60.0)) as client,
    ):
        while len(times) < PERIODS:
            result = client.achieve(
                RunTask, names.RUN_TASK, RunTask.Goal(goal=goal, seed=len(times))
            )
            if result.code != result.SUCCESS:
                sys.exit(f"control: {result.message}")
            while receiver.poll():
                times.append(receiver.recv())
            say(f"{seen}: {len(times)} of {PERIODS} periods")
    server.terminate()
    server.join()
    return np.array(times)


def row(times: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """Return what there is to say of the times [s]."""
    missed = int(np.isnan(times).sum())
    middle, high = np.nanpercentile(times, [50, 99])
    return {
        "periods": len(times),
        "missed": missed,
        "median": 1e3 * middle,
        "p99": 1e3 * high,
        "worst": 1e3 * float(np.nanmax(times)),
        "jitter (p99 - median)": 1e3 * (high - middle),
        "unit": "ms",
    }


def main() -> None:
    """Measure both cases beside a learner and print what came of it."""
    refuse_arguments()
    with ended_in_order("control"), TemporaryDirectory() as place, Children() as children:
        policies = make_policies(Path(place))
        with learner(Path(place)):
            cases = {
                case: row(periods(children, policies[case], seen)) for case, seen in CASES.items()
            }
    report("control", cases)


if __name__ == "__main__":
    main()
