"""The arm behind the maker's SDK."""

import ipaddress
import math
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from polytask_xarm_driver import units
from polytask_xarm_driver.arm.errors import ArmError, ArmLost
from polytask_xarm_driver.arm.feedback import VELOCITY_MODE, Feedback
from polytask_xarm_driver.arm.health import Health
from polytask_xarm_driver.arm.limits import JOINTS, Limits
from polytask_xarm_driver.arm.pose import Twist
from polytask_xarm_driver.arm.sdk_connection import SdkConnection
from polytask_xarm_driver.arm.sdk_limits import read_limits, set_limits

# The first firmware that lets a velocity end by itself.
OLDEST_FIRMWARE = (1, 8, 0)
# How long the first reports may take after connecting [s].
FIRST_REPORTS = 3.0
LOOK_AGAIN = 0.01

POSITION_MODE = 0
RUN, STOP = 0, 4
# Codes of the SDK. The setters' "there is an error", "there is a warning" and "not ready" come with
# an accepted value; what the controller keeps is read back.
DONE = 0
ACCEPTED = (0, 1, 2, 9)
HAS_ERROR, NOT_READY = 1, 9


class SdkArm:
    """An xArm 7 at an address. Two connections: one moves, one asks and serves the gripper."""

    def __init__(self, address: str, timeout: float, reported: Callable[[], None]) -> None:
        """Talk to `address`, four numbers and dots, giving up an attempt after `timeout` [s].

        `reported` is called from a thread of the SDK after each report of the tool. Raise ArmError
        for an address that the SDK would take for a serial device.
        """
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            raise ArmError(
                f"the address is {address!r}; valid: four numbers, as in 192.168.1.200"
            ) from None
        self._reported = reported
        self._motion = SdkConnection(address, "real", timeout, self._see_tool)
        self._service = SdkConnection(address, "rich", timeout, self._see_health)
        self._feedback: Feedback | None = None
        self._health: Health | None = None
        self._health_count = 0
        self._serial = ""

    @property
    def connected(self) -> bool:
        """Whether both connections hold, as far as is known."""
        return self._motion.connected and self._service.connected

    @property
    def serial(self) -> str:
        """The arm's serial number; empty before the first connection."""
        return self._serial

    @property
    def feedback(self) -> Feedback | None:
        """The newest report of place and state; None before the first."""
        return self._feedback

    @property
    def health(self) -> Health | None:
        """The newest report of errors and temperatures; None before the first."""
        return self._health

    def _see_tool(self, api: Any, item: dict[str, Any]) -> None:
        if not all(map(math.isfinite, (*item["joints"][:JOINTS], *item["cartesian"]))):
            # No velocity may be reckoned from it; where no other comes, that is silence.
            return
        self._feedback = Feedback(
            at=time.monotonic(),
            joints=tuple(item["joints"][:JOINTS]),
            efforts=tuple(api.joints_torque[:JOINTS]),
            pose=units.tool_pose(item["cartesian"]),
            mode=api.mode,
            state=item["state"],
        )
        self._reported()

    def _see_health(self, api: Any, item: dict[str, Any]) -> None:
        self._health = Health(
            at=time.monotonic(),
            error=item["error_code"],
            warning=item["warn_code"],
            temperatures=tuple(map(float, api.temperatures)),
        )
        self._health_count += 1

    # From connecting to disconnecting

    def connect(self) -> None:
        """Connect, and wait for the first reports; raise ArmError for firmware that is too old."""
        self._feedback = self._health = None
        try:
            self._motion.open()
            self._service.open()
            self._check_firmware()
            self._wait(lambda: self._feedback is not None and self._health is not None)
        except ArmError:
            self.close()
            raise

    def _check_firmware(self) -> None:
        api = self._motion.api
        self._serial = str(api.sn or "")
        if tuple(api.version_number) < OLDEST_FIRMWARE:
            found, oldest = (".".join(map(str, v)) for v in (api.version_number, OLDEST_FIRMWARE))
            raise ArmError(
                f"the controller's firmware is {found}; valid: {oldest} or newer, as before it a "
                "velocity does not end by itself"
            )

    def close(self) -> None:
        """Disconnect and leave no thread or socket behind; does nothing when not connected."""
        self._motion.close()
        self._service.close()
        self._feedback = self._health = None

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + FIRST_REPORTS
        while not condition():
            if time.monotonic() > deadline:
                raise ArmLost(f"the controller sent no reports within {FIRST_REPORTS:g} s")
            time.sleep(LOOK_AGAIN)

    # Limits and faults

    def set_limits(self, limits: Limits) -> None:
        """Ask the controller to keep `limits`; whether it does is told by `read_limits`."""
        api = self._motion.api
        # Loads and offsets are taken by a controller that waits for positions.
        _tell("set_mode", api.set_mode, POSITION_MODE)
        _tell("set_state", api.set_state, RUN)
        for name, arguments in set_limits(limits):
            _tell(name, getattr(api, name), *arguments, accepted=ACCEPTED)

    def read_limits(self, *, anew: bool) -> Limits:
        """Return what the controller keeps; `anew` waits for reports that are made from now on."""
        if anew:
            # The report after the next was begun after this moment.
            seen = self._health_count + 2
            self._wait(lambda: self._health_count >= seen)
        api = self._service.api
        states = _ask("get_reduced_states", api.get_reduced_states, is_radian=True)
        try:
            return read_limits(states, api)
        except (IndexError, TypeError, ValueError) as error:
            raise ArmError(f"the controller's limits cannot be read: {states} ({error})") from None

    def fault(self) -> tuple[int, int]:
        """Ask for the codes of error and warning, 0 for none."""
        codes = _ask("get_err_warn_code", self._service.api.get_err_warn_code)
        if self._health is not None:
            self._health = replace(self._health, error=codes[0], warning=codes[1])
        return codes[0], codes[1]

    def clear(self) -> None:
        """Clear the controller's error and warning, once."""
        api = self._motion.api
        _tell("clean_error", api.clean_error, accepted=ACCEPTED)
        _tell("clean_warn", api.clean_warn, accepted=ACCEPTED)

    # Motion

    def enable(self) -> None:
        """Switch the motors on and let the controller take velocities."""
        api = self._motion.api
        _tell("motion_enable", api.motion_enable, True)
        _tell("set_mode", api.set_mode, VELOCITY_MODE)
        _tell("set_state", api.set_state, RUN)

    def stop(self) -> None:
        """Stop the controller at once; it takes nothing until it is enabled."""
        _tell("set_state", self._motion.api.set_state, STOP)

    def disable(self) -> None:
        """Stop, and switch the motors off."""
        self.stop()
        _tell("motion_enable", self._motion.api.motion_enable, False)

    def move(self, twist: Twist, seconds: float) -> None:
        """Move by `twist` for at most `seconds`, after which the controller itself stops."""
        _tell(
            "vc_set_cartesian_velocity",
            self._motion.api.vc_set_cartesian_velocity,
            units.tool_velocity(twist),
            is_radian=True,
            is_tool_coord=False,
            duration=seconds,
        )

    # The gripper

    def enable_gripper(self) -> None:
        """Make the gripper ready; its fingers stay where they are."""
        api = self._service.api
        baud = _ask("get_rs485_baudrate", api.get_rs485_baudrate)
        if baud != units.GRIPPER_BAUD:
            # The SDK would set it by itself, and clear an error of the controller on the way.
            raise ArmError(
                f"the arm's end talks to the gripper at {baud} baud; valid: {units.GRIPPER_BAUD}, "
                "to be set once with the maker's tools"
            )
        _tell("set_gripper_enable", api.set_gripper_enable, True)
        _tell("set_gripper_mode", api.set_gripper_mode, POSITION_MODE)
        _tell("set_gripper_speed", api.set_gripper_speed, units.GRIPPER_SPEED)

    def grip(self, opening: float) -> None:
        """Send the fingers to be `opening` [m] apart; do not wait for them."""
        move = self._service.api.set_gripper_position
        _tell("set_gripper_position", move, units.pulses(opening), wait=False, wait_motion=False)

    def opening(self) -> float:
        """Ask how far the fingers are apart [m]."""
        return units.opening(
            float(_ask("get_gripper_position", self._service.api.get_gripper_position))
        )


def _tell(
    name: str, call: Callable[..., Any], *arguments: Any, accepted: Any = (DONE,), **options: Any
) -> None:
    """Call the SDK, and raise ArmError when its code is not one of the `accepted`."""
    code = _called(name, call, *arguments, **options)
    # Some of the setters return their code in a list.
    code = code[0] if isinstance(code, list) else code
    if code not in accepted:
        raise _failed(name, code)


def _ask(name: str, call: Callable[..., Any], **options: Any) -> Any:
    """Call the SDK, and return what came with the code for "done"; raise ArmError otherwise."""
    answer = _called(name, call, **options)
    code, value = answer if isinstance(answer, tuple) else (answer, None)
    if code != DONE:
        raise _failed(name, code)
    if value is None:
        raise ArmError(f"the controller's answer to {name} holds no value")
    return value


def _called(name: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return call(*arguments, **options)
    except (ValueError, IndexError, struct.error) as error:
        raise ArmError(f"the controller's answer to {name} cannot be read: {error}") from None
    except AttributeError as error:
        # Who disconnects takes the SDK's parts away from under another thread's call.
        raise ArmLost(f"the controller did not answer {name}") from error


def _failed(name: str, code: int) -> ArmError:
    if code in (-1, 3, 11):
        return ArmLost(f"the controller did not answer {name}")
    if code == HAS_ERROR:
        return ArmError(f"the controller refused {name} because of an error")
    if code == NOT_READY:
        somebody = "it was stopped by itself or by another client"
        return ArmError(f"the controller was not ready for {name}: {somebody}")
    return ArmError(f"the controller refused {name}: code {code} of the maker's SDK")
