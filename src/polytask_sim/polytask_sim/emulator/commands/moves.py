"""Function codes that move the arm."""

from collections.abc import Callable, Mapping

import numpy as np

from polytask_sim.emulator.commands.call import Call, Command
from polytask_sim.emulator.errors import MotionFault, Refused
from polytask_sim.emulator.motion.motion import Motion
from polytask_sim.emulator.motion.moves import JointMove, LineMove, Pause
from polytask_sim.emulator.motion.pose import axis_angle_matrix, matrix_of, pose_of, turn_of
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.wire.payload import LINEAR, MM, Payload
from polytask_sim.xarm.kinematics import JOINTS, Matrix, Vector

# What counts where a client names no speed or acceleration above 0.
TOOL_SPEED, TOOL_ACCELERATION = 0.1, 2.0
JOINT_SPEED, JOINT_ACCELERATION = 0.35, 8.7
COMMON_SIZE = 43
TOOL_FRAME = 1

Target = Callable[[Matrix], Matrix]


def move_line(robot: Robot, call: Call) -> bytes:
    """Move straight to a pose: the form that firmwares from 1.11.100 have, or the older one."""
    payload = call.payload
    common = payload.left >= COMMON_SIZE
    values = payload.floats(10 if common else 9)
    in_tool, axis_angle = (payload.byte(), payload.byte()) if common else (0, 0)
    target = _target(values[:6] * LINEAR, in_tool == TOOL_FRAME, bool(axis_angle))
    return _line(robot, call, target, values[6:8])


def move_line_blended(robot: Robot, call: Call) -> bytes:
    """Move straight to a pose; the radius is taken and the arm comes to rest nevertheless."""
    values = call.payload.floats(10)
    return _line(robot, call, _target(values[:6] * LINEAR), values[6:8])


def move_line_tool(robot: Robot, call: Call) -> bytes:
    """Move straight to a pose in the tool's frame."""
    values = call.payload.floats(9)
    return _line(robot, call, _target(values[:6] * LINEAR, True), values[6:8])


def move_line_axis_angle(robot: Robot, call: Call) -> bytes:
    """Move straight to a pose whose turn is axis times angle."""
    values = call.payload.floats(9)
    in_tool, relative = call.payload.byte(), call.payload.byte()
    pose = values[:6] * LINEAR
    target = _further(pose, True) if relative else _target(pose, in_tool == TOOL_FRAME, True)
    return _line(robot, call, target, values[6:8])


def move_joints(robot: Robot, call: Call) -> bytes:
    """Move the joints together; a radius or a time is taken and does nothing."""
    values = call.payload.floats(10)
    goal = values[:7]
    return _joints(robot, call, lambda joints: _kept(goal, joints), values[7:9])


def move_home(robot: Robot, call: Call) -> bytes:
    """Move all joints to zero."""
    values = call.payload.floats(3)
    return _joints(robot, call, lambda _joints: np.zeros(JOINTS), values[:2])


def move_relative(robot: Robot, call: Call) -> bytes:
    """Move on from where the move before ends."""
    values = call.payload.floats(11)
    of_joints, axis_angle = call.payload.byte(), call.payload.byte()
    if of_joints:
        way = np.where(np.isfinite(values[:7]), values[:7], 0.0)
        return _joints(robot, call, lambda joints: joints + way, values[7:9])
    return _line(robot, call, _further(values[:6] * LINEAR, bool(axis_angle)), values[7:9])


def stand_still(robot: Robot, call: Call) -> bytes:
    """Let some time pass before the next move."""
    duration = call.payload.number()
    if not 0 <= duration < np.inf:
        raise Refused(f"a pause of {duration} s; valid: from 0")
    robot.controller.order(lambda _joints: Pause(duration), call.ticket)
    return b""


def servo_joints(robot: Robot, call: Call) -> bytes:
    """Run to joints at once."""
    goal = call.payload.floats(10)[:7]
    robot.controller.servo(lambda joints: _kept(goal, joints))
    return b""


def servo_tool(robot: Robot, call: Call) -> bytes:
    """Run to a pose at once."""
    values = call.payload.floats(9)
    _servo(robot, _target(values[:6] * LINEAR, values[8] == TOOL_FRAME))
    return b""


def servo_tool_axis_angle(robot: Robot, call: Call) -> bytes:
    """Run to a pose, whose turn is axis times angle, at once."""
    pose = call.payload.floats(8)[:6] * LINEAR
    in_tool = call.payload.integers(1)[0] == TOOL_FRAME
    relative = call.payload.byte()
    _servo(robot, _further(pose, True) if relative else _target(pose, in_tool, True))
    return b""


def joint_velocity(robot: Robot, call: Call) -> bytes:
    """Turn the joints at given speeds; without a duration until something else is asked for."""
    speeds = _finite(call.payload.floats(7))
    call.payload.byte()
    robot.controller.joint_velocity(speeds, _duration(call.payload))
    return b""


def tool_velocity(robot: Robot, call: Call) -> bytes:
    """Move the tool at given speeds; without a duration until something else is asked for."""
    speeds = _finite(call.payload.floats(6) * LINEAR)
    in_tool = call.payload.byte() == TOOL_FRAME
    robot.controller.tool_velocity(speeds, _duration(call.payload), in_tool=in_tool)
    return b""


def _target(values: Vector, in_tool: bool = False, axis_angle: bool = False) -> Target:
    """Return where `values` lead to from a pose; what is not finite stays as it is."""
    known = np.isfinite(values)

    def target(here: Matrix) -> Matrix:
        if in_tool or axis_angle:
            given = np.where(known, values, 0.0)
            pose = axis_angle_matrix(given) if axis_angle else matrix_of(given)
            return np.asarray(here @ pose) if in_tool else pose
        return matrix_of(np.where(known, values, pose_of(here)))

    return target


def _further(values: Vector, axis_angle: bool) -> Target:
    """Return where `values` lead to when they are added to a pose."""
    way = np.where(np.isfinite(values), values, 0.0)

    def target(here: Matrix) -> Matrix:
        if not axis_angle:
            return matrix_of(pose_of(here) + way)
        pose = here.copy()
        pose[:3, 3] += way[:3]
        pose[:3, :3] = turn_of(way[3:]) @ here[:3, :3]
        return pose

    return target


def _kept(values: Vector, joints: Vector) -> Vector:
    return np.where(np.isfinite(values), values, joints)


def _line(robot: Robot, call: Call, target: Target, rates: Vector) -> bytes:
    controller = robot.controller

    def make(joints: Vector) -> Motion:
        limits, chain = controller.settings.limits, controller.chain
        end = target(chain.forward(joints))
        controller.check_point(end[:3, 3])
        speed = _rate(rates[0] * MM, TOOL_SPEED, limits.tool_speed)
        acceleration = _rate(rates[1] * MM, TOOL_ACCELERATION, limits.tool_acceleration)
        motion = LineMove(chain, joints, end, speed, acceleration)
        controller.check_end(motion.end)
        return motion

    return _ordered(robot, call, make)


def _joints(robot: Robot, call: Call, goal: Callable[[Vector], Vector], rates: Vector) -> bytes:
    controller = robot.controller

    def make(joints: Vector) -> Motion:
        limits, end = controller.settings.limits, goal(joints)
        controller.check_end(end)
        speed = _rate(rates[0], JOINT_SPEED, limits.joint_speed)
        acceleration = _rate(rates[1], JOINT_ACCELERATION, limits.joint_acceleration)
        return JointMove(joints, end, speed, acceleration)

    return _ordered(robot, call, make)


def _ordered(robot: Robot, call: Call, make: Callable[[Vector], Motion]) -> bytes:
    """Order a move or, if the payload's next byte says so, only check it: three bytes then."""
    controller = robot.controller
    if not call.payload.optional_byte():
        controller.order(make, call.ticket)
        return b""
    try:
        make(controller.joints)
    except MotionFault as fault:
        return bytes([0, 0, fault.code])
    return bytes(3)


def _servo(robot: Robot, target: Target) -> None:
    chain = robot.controller.chain
    robot.controller.servo(lambda joints: chain.follow(joints, target(chain.forward(joints))))


def _rate(value: float, otherwise: float, largest: float) -> float:
    return min(value if 0 < value < np.inf else otherwise, largest)


def _duration(payload: Payload) -> float:
    return payload.number() if payload.left else 0.0


def _finite(values: Vector) -> Vector:
    if not np.isfinite(values).all():
        raise Refused(f"speeds {values.tolist()}; valid: finite numbers")
    return values


MOVES: Mapping[int, Command] = {
    21: Command(move_line, 3),
    22: Command(move_line_blended, 3),
    23: Command(move_joints, 3),
    24: Command(move_joints, 3),
    25: Command(move_home, 3),
    26: Command(stand_still),
    28: Command(move_line_tool, 3),
    29: Command(servo_joints),
    30: Command(servo_tool),
    81: Command(joint_velocity),
    82: Command(tool_velocity),
    83: Command(move_relative, 3),
    92: Command(move_line_axis_angle, 3),
    93: Command(servo_tool_axis_angle),
}
