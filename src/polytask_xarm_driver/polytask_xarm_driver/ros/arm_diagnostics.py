"""The arm's diagnostics (REP-107)."""

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from polytask_xarm_driver.arm.health import Health
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.status import Status

Level = DiagnosticStatus
# A joint this much hotter than where warnings begin will soon stop by itself [degC].
HOT = 10.0


def diagnose(
    status: Status, health: Health | None, name: str, serial: str, warm: float
) -> list[DiagnosticStatus]:
    """Return the state of the controller, the joints' temperatures, the commands and the gripper.

    They are called after the node's `name`; warnings begin at `warm` [degC].
    """
    return [
        DiagnosticStatus(
            name=f"{name}: {part}",
            hardware_id=serial,
            level=level,
            message=message,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        for part, level, message, values in (
            ("controller", *_controller(status)),
            ("temperature", *_temperature(health, warm)),
            ("commands", *_commands(status)),
            ("gripper", *_gripper(status)),
        )
    ]


Finding = tuple[bytes, str, Mapping[str, str]]


def _controller(status: Status) -> Finding:
    values = {
        "phase": status.phase.name.lower(),
        "mode": str(status.mode),
        "state": str(status.state),
        "error": str(status.error),
        "warning": str(status.warning),
    }
    if status.error or status.phase == Phase.STOPPED:
        return Level.ERROR, status.reason or f"controller error {status.error}", values
    if status.phase == Phase.OFFLINE:
        return Level.STALE, status.reason, values
    if status.warning:
        return Level.WARN, f"controller warning {status.warning}", values
    return Level.OK, status.phase.name.lower(), values


def _temperature(health: Health | None, warm: float) -> Finding:
    if health is None or not health.temperatures:
        return Level.STALE, "not reported", {}
    values = {
        f"joint{number} [degC]": f"{value:g}"
        for number, value in enumerate(health.temperatures, start=1)
    }
    hottest = max(health.temperatures)
    if hottest >= warm + HOT:
        return Level.ERROR, f"a joint is at {hottest:g} degC", values
    if hottest >= warm:
        return Level.WARN, f"a joint is at {hottest:g} degC", values
    return Level.OK, f"up to {hottest:g} degC", values


def _commands(status: Status) -> Finding:
    values = {
        "age [s]": f"{status.command_age:.3f}",
        "refused": str(status.refused),
        "refusal": status.refusal,
        "expired": str(status.expired),
    }
    message = status.reason if status.phase == Phase.READY and status.reason else "as commanded"
    return Level.OK, message if status.phase == Phase.READY else "none are taken", values


def _gripper(status: Status) -> Finding:
    values = {"opening [m]": f"{status.opening:.4f}"}
    if status.gripper_trouble:
        return Level.WARN, status.gripper_trouble, values
    return Level.OK, "", values
