"""Whether the robot keeps time and its memory for ten minutes at 10 Hz, on the emulated arm.

One episode of 6,000 steps with pictures, acted by a client that answers each observation. Late are
periods that ended over 20 ms after they should have; memory is what each process holds after the
first minute and at the end.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from diagnostic_msgs.msg import DiagnosticArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import refuse_arguments, report, say
from polytask_ros import names, qos
from polytask_ros.ros_environment import RosEnvironment
from polytask_tests.robot_under_test import RobotUnderTest
from polytask_xarm_driver.robot.robot_task import find_tasks

NAMESPACE = "/endurance_benchmark"
PERIOD, STEPS, WARM = 0.1, 6000, 600
TASK = "reach"
SENSES = "senses"


def long_task(folder: Path) -> Path:
    """Write the robot's tasks with an episode of STEPS, and return the file."""
    content = yaml.safe_load(find_tasks("xarm7_table").read_text(encoding="utf-8"))
    content["tasks"] = {TASK: content["tasks"][TASK] | {"steps": STEPS}}
    path = folder / "endurance.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def memory(pid: int) -> float:
    """Return what a process holds of memory [MB]."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def live(robot: RobotUnderTest) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Live the episode; return what became of its periods, and the processes' memory."""
    told: dict[str, str] = {}

    def hear(message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith(SENSES) and NAMESPACE.strip("/") in status.name:
                told.update({pair.key: pair.value for pair in status.values})

    robot.node.create_subscription(DiagnosticArray, names.DIAGNOSTICS, hear, qos.EVENT)
    client = RosEnvironment(TASK, namespace=NAMESPACE, timeout=30.0)
    random, steps, held = np.random.default_rng(0), 0, {}
    timestep = client.reset(0)
    start = time.monotonic()
    while not timestep.last():
        timestep = client.step(random.uniform(-1, 1, 4).astype(np.float32))
        steps += 1
        robot.spin(1e-3)
        if steps == WARM:
            held = {name: memory(process.pid) for name, process in robot.processes.items()}
        if steps % WARM == 0:
            say(f"{steps} steps: {told}")
    seconds = time.monotonic() - start
    ending = client.ending_message
    robot.spin(2.0)
    grown = {
        name: {"after a minute": held.get(name), "at the end": memory(process.pid), "unit": "MB"}
        for name, process in robot.processes.items()
    }
    client.close()
    periods = {
        "steps": steps,
        "answered in time": steps - client._newest.missed_actions,
        "late": int(next(value for key, value in told.items() if key.startswith("periods later"))),
        "worst lateness": float(told["worst lateness of a period [s]"]),
        "seconds": seconds,
        "ending": ending or "its own",
    }
    return periods, grown


def main() -> None:
    """Live ten minutes and print what came of them."""
    refuse_arguments()
    with TemporaryDirectory() as folder:
        tasks = str(long_task(Path(folder)))
        parameters: dict[str, dict[str, Any]] = {
            "environment": {"tasks": tasks, "control_period": PERIOD},
            "emulator": {"task": TASK},
        }
        with RobotUnderTest(NAMESPACE, pictures=True, parameters=parameters) as robot:
            periods, grown = live(robot)
    report("endurance", {"periods": periods, **grown})


if __name__ == "__main__":
    main()
