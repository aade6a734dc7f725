"""The frames of the report ports: normal (145 bytes), rich (587) and real (135)."""

import struct
from collections.abc import Callable

import numpy as np

from polytask_sim.emulator.controller import Controller
from polytask_sim.emulator.motion.pose import pose_of, vector_of
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.settings import Settings
from polytask_sim.emulator.wire.payload import MM, floats, pose, shorts
from polytask_sim.xarm.kinematics import JOINTS
from polytask_sim.xarm.table import TIMESTEP

NORMAL_SIZE, RICH_SIZE, REAL_SIZE = 145, 587, 135
SEVEN_JOINTS, ARM_TYPE = 7, 7
TEMPERATURE, VOLTAGE = 30, 4800
# Largest of the tool [mm/s, mm/s^2] and of joints [rad/s, rad/s^2] come from the settings.
SMALLEST = 0.1

Report = Callable[[Robot], bytes]


def normal(robot: Robot) -> bytes:
    """Return the frame of port 30001."""
    return _sized(_head(robot) + _condition(robot.controller), NORMAL_SIZE)


def real(robot: Robot) -> bytes:
    """Return the frame of port 30003; nothing presses on the arm's force sensor, as it has none."""
    return _sized(_head(robot) + floats([0.0] * 12), REAL_SIZE)


def rich(robot: Robot) -> bytes:
    """Return the frame of port 30002."""
    controller, settings = robot.controller, robot.controller.settings
    parts = {
        0: _head(robot) + _condition(controller),
        145: bytes([ARM_TYPE, SEVEN_JOINTS, 2, 2, 2, 2]),
        151: str(robot.firmware).encode().ljust(30, b"\0"),
        181: _limits(settings),
        245: bytes([TEMPERATURE] * JOINTS),
        252: floats([_tool_speed(controller)]) + floats(controller.seen.speeds),
        284: struct.pack(">I", controller.command_count),
        288: pose(settings.world_offset),
        341: struct.pack(f">{JOINTS}H", *[VOLTAGE] * JOINTS),
        482: floats(vector_of(controller.chain.forward(controller.seen.joints)[:3, :3])),
        495: _reduced(settings),
        572: bytes([settings.fence, settings.rebound]),
    }
    frame = bytearray(RICH_SIZE)
    for offset, part in parts.items():
        frame[offset : offset + len(part)] = part
    return _sized(bytes(frame), RICH_SIZE)


REPORTS: dict[int, tuple[Report, float]] = {
    30001: (normal, 0.2),
    30002: (rich, 0.2),
    30003: (real, 0.01),
}


def _sized(frame: bytes, size: int) -> bytes:
    return struct.pack(">I", size) + frame[4:].ljust(size - 4, b"\0")


def _head(robot: Robot) -> bytes:
    controller = robot.controller
    joints = controller.seen.joints
    return (
        struct.pack(">IBH", 0, controller.state | controller.mode << 4, controller.command_count)
        + floats(joints)
        + pose(pose_of(controller.chain.forward(joints)))
        + floats(controller.seen.torques)
    )


def _condition(controller: Controller) -> bytes:
    settings = controller.settings
    enabled = controller.enabled
    return (
        bytes([enabled, enabled, controller.error, controller.warning])
        + pose(settings.tcp_offset)
        + load(settings)
        + bytes([settings.collision_sensitivity, settings.teach_sensitivity])
        + floats(settings.gravity)
    )


def load(settings: Settings) -> bytes:
    """Return the load in kg and its centre in mm."""
    return floats(settings.load / np.array([1.0, MM, MM, MM]))


def _limits(settings: Settings) -> bytes:
    largest = settings.largest
    tool = [settings.tool_jerk, 0.0, largest.tool_acceleration, 0.0, largest.tool_speed]
    joints = [
        settings.joint_jerk,
        SMALLEST,
        largest.joint_acceleration,
        SMALLEST,
        largest.joint_speed,
    ]
    return floats(np.array(tool) / MM) + floats(joints) + floats([SMALLEST, SMALLEST])


def _reduced(settings: Settings) -> bytes:
    return (
        bytes([settings.reduced])
        + shorts(settings.boundary / MM)
        + floats([settings.reduced_tool_speed / MM, settings.reduced_joint_speed])
        + floats(settings.joint_range.ravel())
    )


def _tool_speed(controller: Controller) -> float:
    joints, speeds = controller.seen.joints, controller.seen.speeds
    before = controller.chain.forward(joints - speeds * TIMESTEP)[:3, 3]
    after = controller.chain.forward(joints)[:3, 3]
    return float(np.linalg.norm(after - before)) / TIMESTEP / MM


def reduced_states(settings: Settings) -> bytes:
    """Return the answer to code 53."""
    return _reduced(settings) + bytes([settings.fence, settings.rebound])
