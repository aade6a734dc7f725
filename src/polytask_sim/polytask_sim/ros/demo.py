"""The executable `demo`: a known-answer world served by one process, solved over ROS by another."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from polytask_contract.errors import PolyTaskError
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.ros_environment import RosEnvironment
from polytask_sim.animation import Picture, side_by_side, write_animation
from polytask_sim.suites.point import PointSuite

NAMESPACE = "polytask_demo"
SCALE = 3


def run_episode(environment: RosEnvironment, seed: int) -> tuple[list[Picture], float, bool]:
    """Solve the environment's task; return its pictures, the return, and whether it ended well."""
    policy = PointSuite().demonstrator(environment.task)
    timestep = environment.reset(seed)
    pictures, earned = [timestep.observation["image"]], 0.0
    while not timestep.last():
        timestep = environment.step(policy(timestep))
        pictures.append(timestep.observation["image"])
        earned += timestep.reward
    return pictures, earned, bool(timestep.observation["success"])


def demonstrate(output: Path, seed: int) -> bool:
    """Solve every task of the point suite and write the picture; tell whether all succeeded."""
    print("starting the environment's process", flush=True)
    with NodeProcess(executable("polytask_sim", "sim_environment"), namespace=NAMESPACE) as server:
        tasks = PointSuite.tasks
        environment = RosEnvironment(tasks[0], namespace=NAMESPACE)
        print(f"connected to process {server.pid}; solving {len(tasks)} tasks over ROS", flush=True)
        episodes, successes = {}, []
        print(f"  {'task':<12} {'steps':>5} {'return':>7}  success")
        for task in tasks:
            environment.task = task
            episodes[task], earned, success = run_episode(environment, seed)
            successes.append(success)
            print(
                f"  {task:<12} {len(episodes[task]) - 1:>5} {earned:>7.2f}  {success}", flush=True
            )
        period = environment.specification.control_period
        environment.close()
    write_animation(output, side_by_side(episodes, SCALE), period)
    print(f"wrote {output}: open it in a browser")
    return bool(np.all(successes))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the episodes (default: 0)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/demo/point.gif"),
        help="where the moving picture goes (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.seed < 2**64:
        parser.error(f"--seed is {options.seed}; valid: 0 to 2**64 - 1")
    return options


def main() -> None:
    """Run the demo; the exit status is 0 when every task was solved."""
    options = parse(sys.argv[1:])
    try:
        sys.exit(0 if demonstrate(options.output, options.seed) else 1)
    except (PolyTaskError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
