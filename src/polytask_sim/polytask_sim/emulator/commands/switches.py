"""Function codes that switch and set: motors, mode, state, errors, offsets, limits."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from polytask_sim.emulator.commands.call import Call, Command
from polytask_sim.emulator.errors import Refused
from polytask_sim.emulator.motion.moves import Pause
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.settings import Settings
from polytask_sim.emulator.wire.framing import Kind, Result
from polytask_sim.emulator.wire.payload import MM, Payload
from polytask_sim.xarm.kinematics import JOINTS, LOWER, UPPER

KILOGRAMS_AND_MM = np.array([1.0, MM, MM, MM])
FARTHEST = 32.0
# No setting makes sense beyond it, in its SI unit.
LARGEST = 1e4


def motion_enable(robot: Robot, call: Call) -> bytes:
    """Switch motors on or off."""
    axis, on = call.payload.byte(), call.payload.byte()
    robot.controller.enable(axis, on=bool(on))
    return b""


def set_state(robot: Robot, call: Call) -> bytes:
    """Run, pause or stop."""
    robot.controller.set_state(call.payload.byte())
    return b""


def set_mode(robot: Robot, call: Call) -> bytes:
    """Change the mode."""
    robot.controller.set_mode(call.payload.byte())
    return b""


def clean_error(robot: Robot, call: Call) -> bytes:
    """Forget the error."""
    del call
    robot.controller.clean_error()
    return b""


def clean_warning(robot: Robot, call: Call) -> bytes:
    """Forget the warning."""
    del call
    robot.controller.warning = 0
    return b""


def set_tcp_offset(robot: Robot, call: Call) -> bytes:
    """Move the tool's point, which stops the arm."""
    robot.controller.set_tcp_offset(_sane(call.payload.pose()))
    return b""


def set_tcp_load(robot: Robot, call: Call) -> bytes:
    """Remember the load; the arm goes on."""
    robot.controller.settings.load = _sane(call.payload.floats(4) * KILOGRAMS_AND_MM)
    call.ticket.tell(Kind.TRIGGER, Result.DONE)
    return b""


def set_collision_sensitivity(robot: Robot, call: Call) -> bytes:
    """Choose how strong a contact is a collision, which stops the arm."""
    value = _among(call.payload, 0, 5)
    robot.controller.reset()
    robot.controller.settings.collision_sensitivity = value
    return b""


def set_teach_sensitivity(robot: Robot, call: Call) -> bytes:
    """Remember how light the arm is to lead by hand."""
    robot.controller.settings.teach_sensitivity = _among(call.payload, 1, 5)
    return b""


def set_boundary(robot: Robot, call: Call) -> bytes:
    """Set the box of the safety boundary: highest and lowest x, y and z."""
    boundary = call.payload.integers(6) * MM
    if np.any(boundary[0::2] < boundary[1::2]) or np.abs(boundary).max() > FARTHEST:
        raise Refused(f"boundary {boundary.tolist()} m; valid: highest above lowest, in 32 m")
    robot.controller.settings.boundary = boundary
    return b""


def set_joint_range(robot: Robot, call: Call) -> bytes:
    """Set the ranges of the joints in reduced mode, within those of the arm."""
    pairs = _sane(call.payload.floats(2 * JOINTS)).reshape(JOINTS, 2)
    low, high = np.maximum(pairs[:, 0], LOWER), np.minimum(pairs[:, 1], UPPER)
    if np.any(low > high):
        raise Refused(f"ranges {pairs.tolist()} rad; valid: lowest, then highest")
    robot.controller.settings.joint_range = np.column_stack([low, high])
    return b""


def set_feedback(robot: Robot, call: Call) -> bytes:
    """Choose what this client is told unasked."""
    if not robot.firmware.feedback:
        raise Refused(f"firmware {robot.firmware} knows no feedback; valid: v2.0.102 or later")
    call.session.feedback = call.payload.byte()
    return b""


def wait_for_all(robot: Robot, call: Call) -> bytes:
    """Tell when every move so far is over."""
    if not robot.firmware.feedback:
        raise Refused(f"firmware {robot.firmware} knows no feedback; valid: v2.0.102 or later")
    if robot.controller.ready and robot.controller.mode == 0:
        robot.controller.order(lambda _joints: Pause(0.0), call.ticket)
    else:
        call.ticket.tell(Kind.FINISH, Result.DONE)
    return b""


def accept(robot: Robot, call: Call) -> bytes:
    """Take what has no effect here."""
    del robot, call
    return b""


def _setter(name: str, read: Callable[[Payload], Any]) -> Command:
    """Return the command that sets the setting `name` to what `read` makes of the payload."""

    def perform(robot: Robot, call: Call) -> bytes:
        setattr(robot.controller.settings, name, read(call.payload))
        return b""

    return Command(perform)


def _largest(name: str, scale: float) -> Command:
    """Return the command that sets the largest acceleration called `name`."""

    def perform(robot: Robot, call: Call) -> bytes:
        settings: Settings = robot.controller.settings
        settings.largest = settings.largest._replace(**{name: _positive(call.payload, scale)})
        return b""

    return Command(perform)


def _positive(payload: Payload, scale: float = 1.0) -> float:
    value = payload.number() * scale
    if not 0 < value < LARGEST:
        raise Refused(f"{value}; valid: above 0, below {LARGEST}")
    return value


def _among(payload: Payload, low: int, high: int) -> int:
    value = payload.byte()
    if not low <= value <= high:
        raise Refused(f"{value}; valid: {low} to {high}")
    return value


def _sane(values: Any) -> Any:
    if not np.all(np.abs(values) < LARGEST):
        raise Refused(f"{values.tolist()}; valid: numbers below {LARGEST}")
    return values


def _flag(payload: Payload) -> bool:
    return bool(payload.byte())


SWITCHES: Mapping[int, Command] = {
    11: Command(motion_enable),
    12: Command(set_state),
    16: Command(clean_error),
    17: Command(clean_warning),
    19: Command(set_mode),
    31: _setter("tool_jerk", lambda payload: _positive(payload, MM)),
    32: _largest("tool_acceleration", MM),
    33: _setter("joint_jerk", _positive),
    34: _largest("joint_acceleration", 1.0),
    35: Command(set_tcp_offset),
    36: Command(set_tcp_load),
    37: Command(set_collision_sensitivity),
    38: Command(set_teach_sensitivity),
    39: Command(accept),
    40: Command(accept),
    47: _setter("reduced_tool_speed", lambda payload: _positive(payload, MM)),
    48: _setter("reduced_joint_speed", _positive),
    50: _setter("reduced", _flag),
    51: _setter("gravity", lambda payload: _sane(payload.floats(3))),
    52: Command(set_boundary),
    58: Command(set_joint_range),
    59: _setter("fence", _flag),
    60: _setter("rebound", _flag),
    66: Command(accept),
    70: Command(accept),
    73: _setter("world_offset", lambda payload: _sane(payload.pose())),
    77: Command(accept),
    78: Command(accept),
    80: Command(accept),
    253: Command(wait_for_all),
    254: Command(set_feedback),
}
