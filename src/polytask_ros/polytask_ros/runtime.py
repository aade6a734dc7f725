"""Starting and ending a PolyTask process: middleware defaults, and a main function for nodes."""

import gc
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from polytask_contract.errors import PolyTaskError

PROFILE = Path(__file__).with_name("fastdds.xml")
# Fast DDS 2.14, which Jazzy has, reads only the second name, and later ones the first.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
DISCOVERY_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")
LONGEST_WAIT = 0.2
# A reader that is gone without a word holds a node's end up for no longer [s].
LONGEST_FAREWELL = 0.5


def initialize(args: Sequence[str] | None = None, **options: Any) -> None:
    """Initialise rclpy with PolyTask's Fast DDS profile and discovery range, unless others are set.

    `options` go to rclpy.init.
    """
    chosen = [os.environ[name] for name in PROFILE_VARIABLES if name in os.environ]
    for name in PROFILE_VARIABLES:
        os.environ.setdefault(name, chosen[0] if chosen else str(PROFILE))
    if not any(name in os.environ for name in DISCOVERY_VARIABLES):
        os.environ[DISCOVERY_VARIABLES[0]] = "LOCALHOST"
    rclpy.init(args=args, **options)


def own_name(prefix: str, namespace: str, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Return options for rclpy.create_node by which a node is called as no other is.

    It stays so where the process was told by `__node` what its own node is called. `arguments` are
    further ROS arguments.
    """
    name = f"{prefix}_{secrets.token_hex(4)}"
    words = [*arguments, "--ros-args", "-r", f"__node:={name}"]
    return {"node_name": name, "namespace": namespace or None, "cli_args": words}


def let_arrive(publisher: Any) -> None:
    """Wait until reliable readers have a node's last words, which its end might lose."""
    publisher.wait_for_all_acked(Duration(seconds=LONGEST_FAREWELL))


def run_node(make: Callable[[], Node]) -> None:
    """Make a node and spin it until the process is told to end by SIGINT or SIGTERM.

    The node can still publish while it is destroyed, so it may say that it ends. A PolyTaskError,
    or ROS arguments that cannot be read, end the process with that one sentence and status 1.
    """
    ending = False

    def end(_number: int, _frame: object) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        initialize(sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    except (rclpy_implementation.RCLError, rclpy_implementation.UnknownROSArgsError) as error:
        sys.exit(f"error: the ROS arguments cannot be read: {error}")
    node: Node | None = None
    try:
        node = make()
        # What a node has imported and made is there to stay. To look through all of it again takes
        # the collector 0.15 s, more than a period.
        gc.freeze()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while not ending:
            # Python runs its signal handlers only between two waits.
            executor.spin_once(timeout_sec=LONGEST_WAIT)
    except PolyTaskError as error:
        sys.exit(f"error: {error}")
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
