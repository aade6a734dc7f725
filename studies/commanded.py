"""One policy, asked over ROS by every kind of goal, beside what it does in process.

The policy is distilled from the experts of `./run study learning xarm_ot`, seed 0, in the same
place, and takes one-hot, language, image and index goals. The node `policy` runs it, asked by
RunTask, in the simulated suite over ROS and on the emulated arm in real time. Success is by the
rule `held`, on the same seeds everywhere. Results go to docs/results/commanded_{sim,emulated}.json.

On the emulated arm an episode takes 20 s, and tasks are those whose tool points down and that push
against nothing: the arm stops for a collision where the simulated suite has none.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import say
from polytask_contract.cli import argument_types
from polytask_contract.seeds import TESTS
from polytask_contract.success import wilson_interval
from polytask_learning.distilling.evaluate_unified import evaluate_task
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.ros.demo_worlds import SIM, DemoWorld, Part, emulated
from polytask_learning.ros.goal_client import GoalClient
from polytask_msgs.action import RecoverArm, RunTask
from polytask_msgs.msg import TaskGoal
from polytask_ros import names
from polytask_ros.messages import image_message
from polytask_ros.node_process import NodeProcess, executable
from studies._study import RUNS, made_by, polytask, write_result

SUITE, EXPERTS = "xarm", "xarm_ot"
NAMESPACE = "/commanded_study"
MODALITIES = {
    "onehot": TaskGoal.ONE_HOT,
    "language": TaskGoal.TEXT,
    "image": TaskGoal.IMAGE,
    "index": TaskGoal.INDEX,
}
TASKS = {
    "sim": ("reach", "insert-green", "pour-left", "close-drawer-left", "open-box-left"),
    "emulated": ("reach", "insert-green", "insert-yellow", "insert-blue"),
}
ALL = tuple(sorted({*TASKS["sim"], *TASKS["emulated"]}))
RULE = "held"
# An emulator listens by then [s].
STARTING = 10.0


def distilled(runs: Path) -> Path:
    """Return the policy's folder, distilled unless it is there."""
    place, shown = runs / "commanded", runs / "demonstrations" / "commanded"
    if not shown.exists():
        of = ("--suite", SUITE, "--task", *ALL, "--count", "3")
        polytask("demos", "collect", *of, "--output", shown)
    experts = [runs / EXPERTS / task / "seed-0" for task in ALL]
    words: list[str | Path] = ["--goal", *MODALITIES, "--demonstrations", shown]
    polytask("distill", "--runs", *experts, *words, "--output", place)
    return place


def parts(robot: str) -> Sequence[Part]:
    """Return the processes of a robot."""
    world: DemoWorld = emulated()
    blind = {"suite": SUITE, "image_height": 0, "image_width": 0}
    return [Part(SIM, "sim_environment", blind)] if robot == "sim" else world.parts


def goal_of(policy: UnifiedPolicy, modality: str, task: str) -> Any:
    """Return a TaskGoal that asks for `task` as the policy has learnt to be asked."""
    number = policy.tasks.index(task)
    goal = TaskGoal(modality=MODALITIES[modality], index=number, count=len(policy.tasks))
    if modality == "language":
        goal.text = task.replace("-", " ")
    if modality == "image":
        picture = policy.book.of("image", number)[0].permute(1, 2, 0).numpy()
        goal.image = image_message(np.ascontiguousarray(picture))
    return goal


def commanded(client: GoalClient, goal: Any, task: str, seed: int, robot: str) -> bool:
    """Tell whether the node's policy did what it was asked for; a stopped arm is recovered."""
    wanted = RunTask.Goal(goal=goal, task=task, seed=seed)
    result = client.achieve(RunTask, names.RUN_TASK, wanted)
    if result.code != result.SUCCESS:
        say(f"{task}, seed {seed}: {result.message}")
        if robot == "emulated":
            client.achieve(RecoverArm, names.ARM_RECOVER, RecoverArm.Goal())
        return False
    return bool(result.success)


def compared(policy: UnifiedPolicy, client: GoalClient, robot: str, seeds: range) -> dict[str, Any]:
    """Return, for each modality and task, successes over ROS and in process."""
    rows: dict[str, Any] = {}
    for modality in MODALITIES:
        for task in TASKS[robot]:
            here = evaluate_task(policy.folder, policy.stage, task, modality, seeds).result
            goal = goal_of(policy, modality, task)
            there = [commanded(client, goal, task, seed, robot) for seed in seeds]
            same = [
                bool(one[RULE]) == other for one, other in zip(here.verdicts, there, strict=True)
            ]
            rows[f"{modality} {task}"] = {
                "successes": sum(there),
                "in process": here.successes(RULE),
                "seeds alike": sum(same),
                "episodes": len(seeds),
            }
            say(f"{robot} {modality} {task}: {rows[f'{modality} {task}']}")
    return rows


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Return what each modality comes to, and whether it reaches the interval of in process."""
    found = {}
    for modality in MODALITIES:
        mine = [row for name, row in rows.items() if name.startswith(f"{modality} ")]
        episodes = sum(row["episodes"] for row in mine)
        there, here = (sum(row[key] for row in mine) for key in ("successes", "in process"))
        low, high = wilson_interval(here, episodes)
        found[modality] = {
            "successes": there,
            "in process": here,
            "episodes": episodes,
            "low": low,
            "high": high,
            "reached": low <= there / episodes,
        }
    return found


def main() -> None:
    """Ask, and write what came of it."""
    parser = argparse.ArgumentParser(prog="./run study commanded", description=__doc__)
    parser.add_argument("--robot", choices=sorted(TASKS), default="sim", help="where it acts")
    parser.add_argument("--episodes", type=argument_types.positive, default=5, help="of each")
    parser.add_argument("--runs", type=Path, default=RUNS, help="all runs")
    options = parser.parse_args()
    path = distilled(options.runs.absolute())
    policy, seeds = UnifiedPolicy(path), TESTS[: options.episodes]
    with ExitStack() as stack:
        asked = Part("polytask_learning", "policy", {"run": str(path)})
        for part in (*parts(options.robot), asked):
            process = NodeProcess(
                executable(part.package, part.executable),
                parameters=part.parameters,
                namespace=NAMESPACE,
            )
            stack.enter_context(process)
            if part.ready:
                time.sleep(STARTING)
        client = stack.enter_context(closing(GoalClient(NAMESPACE, timeout=120.0)))
        rows = compared(policy, client, options.robot, seeds)
    result = {
        "claim": f"one policy asked over ROS by every kind of goal, {options.robot}",
        "modalities": summary(rows),
        "tasks": rows,
        "rule": RULE,
        "seeds": list(seeds),
        **made_by(f"./run study commanded --robot {options.robot} --episodes {options.episodes}"),
    }
    write_result(f"commanded_{options.robot}", result)


if __name__ == "__main__":
    main()
