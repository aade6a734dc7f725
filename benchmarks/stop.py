"""How fast the arm stops, for each reason that it has: on the wire, and at the tool.

The robot is the emulated one: joystick messages, teleoperation, camera, environment, driver, the
maker's SDK, and the controller's emulator behind a tap on the wire. The tool moves steadily, then
something happens. Counted from there: the first velocity of zero on the wire that no other follows,
and the moment since which the tool's reported place moves by less than 2 mm/s.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from sensor_msgs.msg import Joy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._report import refuse_arguments, report, say
from benchmarks._wire_tap import WireTap
from polytask_msgs.msg import ArmStatus
from polytask_ros import names, qos
from polytask_ros.ros_environment import RosEnvironment
from polytask_tests.robot_under_test import RobotUnderTest, free_address

TRIALS = 10
NAMESPACE = "/stop_benchmark"
# The tool is at speed after so long, and what happens then has its effect within so long [s].
RUN_UP, AFTER = 0.6, 1.5
# An arm that moves longer than this has not stopped at all [s].
LONGEST = 10.0
# Whoever was stalled knows by then how it stands [s].
AWAKENING = 0.5
# The tool rests when it moves by less than so much [mm] in so long [s].
WINDOW, STILL = 0.05, 0.1
JOY_PERIOD = 0.02
# One stick, one dead-man button, full speed.
MAPPING = {
    "pad": "of the benchmark",
    "deadman": 0,
    **{name: number for number, name in enumerate(("slower", "faster", "start", "success"), 1)},
    "cancel": 5,
    "speeds": [1.0],
    "action": [{"axis": 1, "scale": 1.0}, {"axis": 0, "scale": 1.0}],
}
BUTTONS = 6

Event = Callable[["Rig"], object]


class Rig:
    """The emulated robot and a person with a joystick, whose word is published by this process."""

    def __init__(self, robot: RobotUnderTest, tap: WireTap, client: RosEnvironment) -> None:
        """Begin with the joystick at rest."""
        self.robot, self.tap, self.client = robot, tap, client
        self.joystick: tuple[int, float] | None = (0, 0.0)
        self.stuck = False
        self._said = Joy()
        self._joys = robot.node.create_publisher(Joy, names.JOY, qos.SENSOR)
        robot.node.create_timer(JOY_PERIOD, self._say)

    def _say(self) -> None:
        if self.joystick is None:
            return
        if not self.stuck:
            pressed, deflection = self.joystick
            stamp = self.robot.node.get_clock().now().to_msg()
            self._said = Joy(axes=[deflection, 0.0], buttons=[pressed] + [0] * (BUTTONS - 1))
            self._said.header.stamp = stamp
        self._joys.publish(self._said)

    def speed_up(self, seed: int) -> None:
        """Begin an episode and steer, until the tool is at speed."""
        self.joystick, self.stuck = (0, 0.0), False
        self.robot.spin(0.2)
        self.client.reset(seed)
        for pressed, deflection, seconds in ((0, 0.0, 0.2), (1, 0.0, 0.2), (1, 1.0, RUN_UP)):
            self.joystick = (pressed, deflection)
            self.robot.spin(seconds)

    def times(self, event: Event) -> tuple[float, float]:
        """Return when the wire and the tool were at rest after `event` [s].

        Where nothing more came over the wire, as after the end of the process that sends, it has
        no rest of its own: NaN. End the process where the tool does not come to rest.
        """
        start = time.monotonic()
        event(self)
        self.robot.spin(AFTER)
        while np.isnan(at_tool := tool_rest(self.tap, start)):
            if time.monotonic() > start + LONGEST:
                raise SystemExit(f"the tool still moves {LONGEST:g} s after what was to stop it")
            self.robot.spin(WINDOW)
        return wire_rest(self.tap, start), at_tool


def wire_rest(tap: WireTap, start: float) -> float:
    """Return when the first velocity of zero passed that no other followed [s]; NaN if none did."""
    since = [(when, any(values)) for when, values in list(tap.velocities) if when >= start]
    if not since or since[-1][1]:
        return float("nan")
    last = max((number for number, (_, moves) in enumerate(since) if moves), default=-1)
    return since[last + 1][0] - start


def tool_rest(tap: WireTap, start: float) -> float:
    """Return when the tool came to rest [s]; NaN when it had not by the end."""
    # More come in meanwhile.
    reports = list(tap.places)
    when = np.array([time for time, _ in reports])
    places = np.array([place for _, place in reports])
    later = np.minimum(np.searchsorted(when, when + WINDOW), len(when) - 1)
    moves = np.linalg.norm(places[later] - places, axis=1) > STILL
    if moves[when > when[-1] - 4 * WINDOW].any():
        return float("nan")
    moving = when[moves & (when > start)]
    return float(moving[-1] - start) if moving.size else 0.0


def lets_go(rig: Rig) -> None:
    """Release the dead-man button."""
    rig.joystick = (0, 1.0)


def falls_silent(rig: Rig) -> None:
    """Say nothing more, as when the joystick is unplugged."""
    rig.joystick = None


def is_stuck(rig: Rig) -> None:
    """Repeat the newest message for ever."""
    rig.stuck = True


def signals(part: str, number: int) -> Event:
    """Return what sends a signal to a part of the robot."""
    return lambda rig: rig.robot.processes[part].signal(number)


def fault(name: str, value: Any) -> Event:
    """Return what switches a fault of the emulator."""
    return lambda rig: rig.robot.set_fault(name, value)


# What happens, and how it is undone.
CASES: dict[str, tuple[Event, Event]] = {
    "dead-man button released": (lets_go, lambda _: None),
    "joystick unplugged": (falls_silent, lambda _: None),
    "joystick stuck": (is_stuck, lambda _: None),
    "teleop killed": (
        signals("teleop", signal.SIGKILL),
        lambda rig: rig.robot.start("teleop"),
    ),
    "camera stalled": (signals("camera", signal.SIGSTOP), signals("camera", signal.SIGCONT)),
    "environment killed": (
        signals("environment", signal.SIGKILL),
        lambda rig: restarted(rig, "environment"),
    ),
    "environment stalled": (
        signals("environment", signal.SIGSTOP),
        signals("environment", signal.SIGCONT),
    ),
    "arm node killed": (signals("arm", signal.SIGKILL), lambda rig: restarted(rig, "arm")),
    "arm node stalled": (signals("arm", signal.SIGSTOP), signals("arm", signal.SIGCONT)),
    "collision (C31)": (fault("error", 31), lambda _: None),
    "no inverse kinematics (C21)": (fault("error", 21), lambda _: None),
    "joint too fast (C60)": (fault("error", 60), lambda _: None),
    "emergency stop": (fault("emergency_stop", True), fault("emergency_stop", False)),
    "control link cut": (fault("drop_control", True), lambda _: None),
}


def restarted(rig: Rig, part: str) -> None:
    """Start a part again that was killed, and meet it as a new client."""
    rig.client.close()
    rig.robot.start(part)
    rig.client = connected()


def recovered(rig: Rig) -> None:
    """Wait until the arm takes commands again, after a recovery where it needs one.

    A part that was stalled finds out only afterwards what it has missed.
    """
    robot = rig.robot
    robot.spin(AWAKENING)
    robot.statuses.clear()
    robot.until(lambda: robot.phase is not None)
    robot.until(lambda: robot.phase == ArmStatus.READY or robot.recover().code == 1)


@contextmanager
def rigged() -> Iterator[Rig]:
    """Give a whole robot, tapped.

    Each case has one of its own. Fast DDS can lose the way to a process that stands in for one
    that was killed, and then hangs: none of what another case has killed may be left over.
    """
    listen = free_address()
    parameters: dict[str, dict[str, Any]] = {
        "arm": {"address": listen},
        "environment": {"control_period": 0.1, "hold_periods": 50, "reset.speed": 0.25},
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        mapping = folder / "benchmark.yaml"
        mapping.write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
        parameters["teleop"] = {"mapping": str(mapping)}
        robot = RobotUnderTest(NAMESPACE, pictures=True, parameters=parameters)
        tap = stack.enter_context(WireTap(listen, robot.address))
        stack.enter_context(robot)
        tap.watch_tool()
        robot.start("teleop")
        rig = Rig(robot, tap, connected())
        try:
            yield rig
        finally:
            rig.client.close()


def connected() -> RosEnvironment:
    """Return a client of the robot's environment."""
    return RosEnvironment("reach", namespace=NAMESPACE, timeout=30.0)


def row(times: list[float]) -> dict[str, Any]:
    """Return median, 99th percentile and worst of `times`, without those that are NaN."""
    found = np.array([value for value in times if not np.isnan(value)])
    if not found.size:
        return {"n": 0}
    median, high = np.percentile(found, [50, 99])
    return {"n": len(found), "median": median, "p99": high, "worst": found.max()}


def measured(rig: Rig, name: str) -> dict[str, Any]:
    """Return one case's times."""
    event, undo = CASES[name]
    wire, tool = [], []
    for trial in range(TRIALS):
        rig.speed_up(trial)
        on_wire, at_tool = rig.times(event)
        wire.append(on_wire)
        tool.append(at_tool)
        undo(rig)
        recovered(rig)
    say(f"{name}: tool at rest after {np.median(tool):.3f} s")
    return {"wire": row(wire), "tool": row(tool), "trials": TRIALS, "unit": "s"}


def main() -> None:
    """Measure every case and print the result."""
    refuse_arguments()
    cases = {}
    for name in CASES:
        with rigged() as rig:
            cases[name] = measured(rig, name)
    report("stop", cases)


if __name__ == "__main__":
    main()
