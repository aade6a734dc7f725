"""A node as a process of its own: started, waited for, ended, by demos, benchmarks and tests."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from polytask_contract.errors import PolyTaskError

GRACE = 5.0


class ExecutableNotFound(PolyTaskError):
    """A package or one of its executables is not installed."""


def executable(package: str, name: str) -> Path:
    """Return the path of a package's executable, as `ros2 run` would find it."""
    try:
        folder = Path(get_package_prefix(package), "lib", package)
    except PackageNotFoundError:
        raise ExecutableNotFound(f"package {package!r} is not installed") from None
    path = folder / name
    if not path.is_file():
        valid = ", ".join(sorted(entry.name for entry in folder.glob("*"))) or "none"
        raise ExecutableNotFound(f"{package} has no executable {name!r}; valid: {valid}")
    return path


def _piped(stream: IO[Any] | None) -> IO[Any]:
    if stream is None:
        raise ValueError("the process was not started with a pipe there")
    return stream


class NodeProcess:
    """A running node; leaving the context ends it, at first kindly.

    with NodeProcess(executable("polytask_sim", "sim_environment"), parameters={"suite": "point"}):
        ...
    """

    def __init__(
        self,
        *command: str | Path,
        parameters: Mapping[str, Any] | None = None,
        namespace: str = "",
        arguments: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Start `command`; `arguments` are further ROS arguments, `options` go to Popen."""
        words = [*map(str, command), "--ros-args"]
        for key, value in (parameters or {}).items():
            # YAML in flow style on one line is what ROS reads after the colon.
            text = yaml.safe_dump(value, default_flow_style=True, width=10**6).splitlines()[0]
            words += ["-p", f"{key}:={text}"]
        if namespace:
            words += ["-r", f"__ns:=/{namespace.strip('/')}"]
        # A session of its own: Ctrl-C reaches the parent alone, which then ends its nodes in order.
        self._process = subprocess.Popen([*words, *arguments], start_new_session=True, **options)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def output(self) -> IO[Any]:
        """What the process prints, if it was started with stdout=PIPE."""
        return _piped(self._process.stdout)

    @property
    def errors(self) -> IO[Any]:
        """What the process complains of, if it was started with stderr=PIPE."""
        return _piped(self._process.stderr)

    def running(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process and to what it started."""
        if self.running():
            os.killpg(self._process.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raise subprocess.TimeoutExpired when it takes too long."""
        return self._process.wait(timeout)

    def stop(self) -> int:
        """End the process, by force if it does not within GRACE seconds, and return its status."""
        # A process that was stopped could not hear anything else.
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGINT)
        try:
            return self.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait()

    def kill(self) -> None:
        """End the process at once, without a chance to clean up."""
        self.signal(signal.SIGKILL)
        self.wait()

    def __enter__(self) -> "NodeProcess":
        """Return the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process and what its pipes hold."""
        self.stop()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
