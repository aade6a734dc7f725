"""Two machines in one: network namespaces, joined by a cable that can be pulled.

Each has an address, a loopback and shared memory of its own, so that Fast DDS takes them for two.
Files, processors and clocks they share. It takes root, and a kernel that lets root.
"""

import contextlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO

from polytask_contract.errors import PolyTaskError

ROBOT, LEARNER = "10.77.0.1", "10.77.0.2"
INTERFACE = "cable"
TOOLS = ("unshare", "nsenter", "ip", "mount")
# Lives until its input is closed, which also happens when whoever asked for it is killed.
_LIFE = "mount -t tmpfs shm /dev/shm && ip link set lo up && echo up && exec cat"
_MACHINE = ("unshare", "--net", "--mount", "sh", "-c", _LIFE)
TIMEOUT = 10.0


class NoTwoMachines(PolyTaskError):
    """Two machines cannot be made here; the message says what was refused."""


class TwoMachines:
    """Machines by their addresses, ROBOT and LEARNER; leaving the context unmakes them.

    with TwoMachines() as machines:
        NodeProcess(*machines.on(ROBOT, executable("polytask_sim", "sim_environment")))
    """

    def __init__(self) -> None:
        """Prepare; entering the context makes the machines."""
        self._stack = contextlib.ExitStack()
        self._machines: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "TwoMachines":
        """Make both machines and join them; raise NoTwoMachines where that is refused."""
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise NoTwoMachines(f"the command {missing[0]} is missing; needed: {', '.join(TOOLS)}")
        try:
            for address in (ROBOT, LEARNER):
                self._machines[address] = self._make()
            one, other = (str(machine.pid) for machine in self._machines.values())
            _call("ip", "link", "add", INTERFACE, "netns", one, "type", "veth",
                  "peer", "name", INTERFACE, "netns", other)  # fmt: skip
            for address in self._machines:
                self.do(address, "ip", "address", "add", f"{address}/24", "dev", INTERFACE)
                self.plug(address)
            self._wait_for_cable()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Unmake both; what still runs there should have been ended before."""
        self._stack.close()

    def on(self, address: str, *command: str | Path) -> list[str]:
        """Return the words that run `command` on a machine, in the folder `/`."""
        entering = ["nsenter", "--target", str(self._machines[address].pid), "--net", "--mount"]
        return [*entering, "--", *map(str, command)]

    def do(self, address: str, *command: str | Path) -> None:
        """Run `command` on a machine to its end; raise NoTwoMachines when it fails."""
        _call(*self.on(address, *command))

    def pull(self, address: str) -> None:
        """Take a machine's end of the cable out: both ends notice."""
        self.do(address, "ip", "link", "set", INTERFACE, "down")

    def plug(self, address: str) -> None:
        """Put a machine's end of the cable in."""
        self.do(address, "ip", "link", "set", INTERFACE, "up")

    def _wait_for_cable(self) -> None:
        # Until then the kernel says that nothing is plugged in, and Fast DDS looks only once.
        deadline = time.monotonic() + TIMEOUT
        while any("state UP" not in self._link(address) for address in self._machines):
            if time.monotonic() > deadline:
                raise NoTwoMachines(f"the cable is not up after {TIMEOUT:g} s")
            time.sleep(0.05)

    def _link(self, address: str) -> str:
        return _call(*self.on(address, "ip", "link", "show", INTERFACE))

    def _make(self) -> "subprocess.Popen[str]":
        machine = subprocess.Popen(
            _MACHINE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._stack.callback(_unmake, machine)
        if not _pipe(machine.stdout).readline():
            raise NoTwoMachines(_pipe(machine.stderr).read().strip())
        return machine


def _unmake(machine: "subprocess.Popen[str]") -> None:
    _pipe(machine.stdin).close()
    machine.wait(TIMEOUT)
    for stream in (machine.stdout, machine.stderr):
        _pipe(stream).close()


def _call(*command: str) -> str:
    called = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if called.returncode:
        raise NoTwoMachines(f"{' '.join(command)}: {called.stderr.strip()}")
    return called.stdout


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ValueError("the process was not started with a pipe there")
    return stream
