"""Limits in the SDK's words: what to call to set them, and where they are read."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from polytask_xarm_driver import units
from polytask_xarm_driver.arm.limits import Limits

Calls = Iterator[tuple[str, tuple[Any, ...]]]


def set_limits(limits: Limits) -> Calls:
    """Return the SDK's methods to call in turn, and with what."""
    low, high = limits.boundary_low, limits.boundary_high
    corners = [
        units.whole_millimetres(value) for pair in zip(high, low, strict=True) for value in pair
    ]
    ranges = list(chain(*zip(limits.joints_low, limits.joints_high, strict=True)))
    offset = [*units.millimetres(limits.tool_offset[:3]), *limits.tool_offset[3:]]
    # The sensitivity first: setting it takes longest, and lets the controller run.
    yield "set_collision_sensitivity", (limits.sensitivity,)
    yield "set_tcp_offset", (offset, True, False)
    yield "set_tcp_load", (limits.load_mass, units.millimetres(limits.load_centre))
    yield "set_collision_rebound", (limits.rebound,)
    yield "set_reduced_max_tcp_speed", (units.PER_METRE * limits.tool_speed,)
    yield "set_reduced_max_joint_speed", (limits.joint_speed, True)
    yield "set_reduced_tcp_boundary", (corners,)
    yield "set_reduced_joint_range", (ranges, True)
    yield "set_reduced_mode", (limits.reduced_mode,)
    yield "set_fence_mode", (limits.fence,)


def read_limits(states: list[Any], api: Any) -> Limits:
    """Return the limits in `states`, as get_reduced_states tells them, and in the newest report.

    Raise IndexError, TypeError or ValueError when there are not all of them.
    """
    reduced, corners, speed, joint_speed, ranges, fence, rebound = states[:7]
    mass, centre = api.tcp_load
    offset = api.tcp_offset
    boundary = units.metres(corners)
    return Limits(
        reduced_mode=bool(reduced),
        tool_speed=speed / units.PER_METRE,
        joint_speed=joint_speed,
        boundary_low=boundary[1::2],
        boundary_high=boundary[0::2],
        joints_low=tuple(ranges[0::2]),
        joints_high=tuple(ranges[1::2]),
        fence=bool(fence),
        rebound=bool(rebound),
        sensitivity=api.collision_sensitivity,
        tool_offset=(*units.metres(offset[:3]), *offset[3:6]),
        load_mass=mass,
        load_centre=units.metres(centre),
    )
