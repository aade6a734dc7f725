"""The emulator as one thing: a controller at an address, with a simulated arm behind it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from polytask_sim.emulator.errors import EmulatorBusy
from polytask_sim.emulator.faults import Faults
from polytask_sim.emulator.firmware import Firmware
from polytask_sim.emulator.real_time import RealTime
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.server import Server
from polytask_sim.emulator.table_world import TableWorld

ADDRESS, FIRMWARE, TASK = "127.0.0.1", "2.5.5", "reach"


class Emulator:
    """An emulated xArm 7 at its table, in real time, for any number of clients.

    with Emulator("127.0.0.2"):
        ...  # arm = XArmAPI("127.0.0.2"), in another process: the SDK changes this one's sockets
    """

    def __init__(
        self, address: str = ADDRESS, firmware: str = FIRMWARE, task: str = TASK, seed: int = 0
    ) -> None:
        """Listen at `address` at once; the table is that of `task`, its things placed by `seed`.

        Raise InvalidFirmware, UnknownName for the task, and AddressUnavailable.
        """
        self.faults = Faults()
        self._robot = Robot(Firmware.parse(firmware), TableWorld(task, seed))
        self._lock = threading.Lock()
        self._server = Server(address, self._robot, self._lock, self.faults)
        self._clock = RealTime(self._robot, self._lock)
        self._server.start()
        self._clock.start()

    @property
    def alive(self) -> bool:
        """Whether the world ticks and clients are served."""
        return self._clock.is_alive() and self._server.is_alive()

    @property
    def lost_time(self) -> float:
        """How far the world has fallen behind real time in all [s]."""
        return self._clock.lost

    @contextmanager
    def held(self) -> Iterator[Robot]:
        """Hold the world still for a moment and give what it is made of."""
        with self._lock:
            yield self._robot

    def prepare(self, task: str, seed: int) -> None:
        """Put the things of `task`, placed by `seed`, on the table; the arm stays as it is.

        Raise UnknownName when there is no such task, and EmulatorBusy while the arm moves.
        """
        with self.held() as robot:
            _refuse_moving(robot)
            stance = robot.world.stance()
        world = TableWorld(task, seed, stance)
        with self.held() as robot:
            _refuse_moving(robot)
            world.take(robot.world.stance())
            robot.world = world

    def fail(self, code: int) -> None:
        """Let the controller stop with the error `code`, as the maker numbers it."""
        with self.held() as robot:
            robot.controller.fail(code)

    def press_emergency_stop(self, *, pressed: bool) -> None:
        """Press or release the emergency stop."""
        with self.held() as robot:
            robot.controller.press_emergency_stop(pressed=pressed)

    def refuse_enable(self, *, refuse: bool) -> None:
        """Let the motors refuse to be switched on, or not any more."""
        with self.held() as robot:
            robot.controller.refuse_enable = refuse

    def drop_control(self) -> None:
        """Close the control connections there are."""
        self._server.drop_control()

    def drop_reports(self) -> None:
        """Close the report connections there are."""
        self._server.drop_reports()

    def close(self) -> None:
        """End the world and close every socket."""
        if self._server.is_alive():
            self._server.close()
        self._clock.close()

    def __enter__(self) -> "Emulator":
        """Return the emulator."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _refuse_moving(robot: Robot) -> None:
    if robot.controller.moving:
        raise EmulatorBusy("the arm moves; valid: while it stands still")
