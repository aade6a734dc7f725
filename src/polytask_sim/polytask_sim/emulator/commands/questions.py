"""Function codes that only ask."""

import struct
from collections.abc import Mapping

import numpy as np

from polytask_sim.emulator.commands.call import Call, Command
from polytask_sim.emulator.errors import MotionFault, Refused
from polytask_sim.emulator.firmware import VERSION_SIZE, serial_numbers
from polytask_sim.emulator.motion.pose import matrix_of, pose_of, vector_of
from polytask_sim.emulator.reports import reduced_states
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.wire.payload import floats, pose
from polytask_sim.xarm.kinematics import JOINTS, Unreachable, Vector

POSE_SIZE, JOINTS_SIZE, REDUCED_SIZE = 24, 28, 79
MOST_STATES = 3
# No joint turns as far [rad].
LARGEST_ANGLE = 10.0


def version(robot: Robot, call: Call) -> bytes:
    """Answer with arm, serial numbers and firmware."""
    del call
    return robot.firmware.banner()


def serials(robot: Robot, call: Call) -> bytes:
    """Answer with the serial numbers."""
    del robot, call
    return serial_numbers()


def state(robot: Robot, call: Call) -> bytes:
    """Answer with the state."""
    del call
    return bytes([robot.controller.state])


def command_count(robot: Robot, call: Call) -> bytes:
    """Answer with how many moves are not over."""
    del call
    return struct.pack(">H", robot.controller.command_count)


def error(robot: Robot, call: Call) -> bytes:
    """Answer with the error and the warning."""
    del call
    return bytes([robot.controller.error, robot.controller.warning])


def tool_pose(robot: Robot, call: Call) -> bytes:
    """Answer with where the tool is, in roll, pitch and yaw."""
    del call
    return pose(pose_of(robot.controller.chain.forward(robot.controller.seen.joints)))


def tool_pose_axis_angle(robot: Robot, call: Call) -> bytes:
    """Answer with where the tool is, turned by axis times angle."""
    del call
    tool = robot.controller.chain.forward(robot.controller.seen.joints)
    return pose(np.concatenate([tool[:3, 3], vector_of(tool[:3, :3])]))


def joints(robot: Robot, call: Call) -> bytes:
    """Answer with the joints' angles and, if asked for, their speeds and torques."""
    count = call.payload.optional_byte() & 0x0F or 1
    if count > MOST_STATES:
        raise Refused(f"{count} kinds of joint states; valid: 1 to {MOST_STATES}")
    seen = robot.controller.seen
    return floats(np.concatenate([seen.joints, seen.speeds, seen.torques][:count]))


def torques(robot: Robot, call: Call) -> bytes:
    """Answer with the joints' torques."""
    del call
    return floats(robot.controller.seen.torques)


def inverse(robot: Robot, call: Call) -> bytes:
    """Answer with joints for a pose, near those given or the present ones."""
    controller = robot.controller
    target = call.payload.pose()
    call.payload.optional_byte()
    start = call.payload.floats(JOINTS) if call.payload.left else controller.joints
    if not (np.isfinite(target).all() and np.abs(start).max() <= LARGEST_ANGLE):
        raise Refused("a pose that is not finite, or such joints, have no solution")
    return floats(controller.chain.solve(matrix_of(target), start))


def forward(robot: Robot, call: Call) -> bytes:
    """Answer with the tool's pose at given joints."""
    angles = call.payload.floats(JOINTS)
    if not np.isfinite(angles).all():
        raise Refused("joints that are not finite have no pose")
    return pose(pose_of(robot.controller.chain.forward(angles)))


def joints_beyond(robot: Robot, call: Call) -> bytes:
    """Answer 1 when given joints are out of their ranges."""
    low, high = robot.controller.settings.joint_bounds
    angles = call.payload.floats(JOINTS)
    return bytes([not np.all((angles >= low) & (angles <= high))])


def pose_beyond(robot: Robot, call: Call) -> bytes:
    """Answer 1 when the tool may not or cannot be at a given pose."""
    return bytes([not _reachable(robot, call.payload.pose())])


def _reachable(robot: Robot, target: Vector) -> bool:
    if not np.isfinite(target).all():
        return False
    try:
        robot.controller.check_point(target[:3])
        robot.controller.chain.solve(matrix_of(target), robot.controller.joints)
    except (MotionFault, Unreachable):
        return False
    return True


def reduced_mode(robot: Robot, call: Call) -> bytes:
    """Answer whether the reduced mode is on."""
    del call
    return bytes([robot.controller.settings.reduced])


def reduced(robot: Robot, call: Call) -> bytes:
    """Answer with everything about reduced mode, fence and rebound."""
    del call
    return reduced_states(robot.controller.settings)


QUESTIONS: Mapping[int, Command] = {
    1: Command(version, VERSION_SIZE),
    2: Command(serials, VERSION_SIZE),
    13: Command(state, 1),
    14: Command(command_count, 2),
    15: Command(error, 2),
    41: Command(tool_pose, POSE_SIZE),
    42: Command(joints, JOINTS_SIZE * MOST_STATES),
    43: Command(inverse, JOINTS_SIZE),
    44: Command(forward, POSE_SIZE),
    45: Command(joints_beyond, 1),
    46: Command(pose_beyond, 1),
    49: Command(reduced_mode, 1),
    53: Command(reduced, REDUCED_SIZE),
    55: Command(torques, JOINTS_SIZE),
    91: Command(tool_pose_axis_angle, POSE_SIZE),
}
