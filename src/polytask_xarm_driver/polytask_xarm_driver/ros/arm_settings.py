"""The arm's parameters as its driver takes them."""

from collections.abc import Mapping
from typing import Any

from polytask_ros.parameters import InvalidParameter
from polytask_xarm_driver import units
from polytask_xarm_driver.arm.command_bounds import CommandBounds
from polytask_xarm_driver.arm.limits import Limits
from polytask_xarm_driver.arm.motion_bounds import MotionBounds
from polytask_xarm_driver.arm.settings import Settings


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Return the settings in `values`; raise InvalidParameter where they contradict each other."""
    _check(values)
    return Settings(
        period=1.0 / values["rate"],
        command_timeout=values["command_timeout"],
        controller_timeout=values["controller_timeout"],
        feedback_timeout=values["feedback_timeout"],
        feedback_delay=values["feedback_delay"],
        commands=_commands(values),
        motion=MotionBounds(
            speed=values["speed"],
            acceleration=values["acceleration"],
            turn_speed=values["turn_speed"],
            turn_acceleration=values["turn_acceleration"],
        ),
        limits=_limits(values),
        gripper=values["gripper"],
    )


def _check(values: Mapping[str, Any]) -> None:
    for low, high in (
        ("workspace.low", "workspace.high"),
        ("controller.joints_low", "controller.joints_high"),
    ):
        if not all(one < other for one, other in zip(values[low], values[high], strict=True)):
            raise InvalidParameter(
                f"parameter {low} is {list(values[low])} and {high} is {list(values[high])}; "
                "valid: each number of the first below that of the second"
            )
    if values["controller_timeout"] * values["rate"] < 2:
        raise InvalidParameter(
            f"parameter controller_timeout is {values['controller_timeout']:g} s at a rate of "
            f"{values['rate']:g}/s; valid: at least two periods, or the arm would stop between"
        )


def _commands(values: Mapping[str, Any]) -> CommandBounds:
    return CommandBounds(
        low=tuple(values["workspace.low"]),
        high=tuple(values["workspace.high"]),
        stretch=values["stretch_limit"],
        tool_offset=tuple(values["tool.offset"]),
        step=values["step_limit"],
        jump=values["jump_limit"],
        turn=values["turn_limit"],
        opening=units.WIDEST_OPENING,
        timeout=values["command_timeout"],
    )


def _limits(values: Mapping[str, Any]) -> Limits:
    margin = values["workspace.margin"]
    return Limits(
        reduced_mode=values["controller.reduced_mode"],
        tool_speed=values["controller.tool_speed"],
        joint_speed=values["controller.joint_speed"],
        boundary_low=tuple(value - margin for value in values["workspace.low"]),
        boundary_high=tuple(value + margin for value in values["workspace.high"]),
        joints_low=tuple(values["controller.joints_low"]),
        joints_high=tuple(values["controller.joints_high"]),
        fence=values["controller.fence"],
        rebound=values["controller.collision_rebound"],
        sensitivity=values["controller.collision_sensitivity"],
        tool_offset=tuple(values["tool.offset"]),
        load_mass=values["tool.mass"],
        load_centre=tuple(values["tool.centre"]),
    )
