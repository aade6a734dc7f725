"""How the arm is, for whoever asks."""

from dataclasses import dataclass

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.attendant import Attendant
from polytask_xarm_driver.arm.commands import Commands
from polytask_xarm_driver.arm.phase import Phase


@dataclass(frozen=True)
class Status:
    """The fields are those of polytask_msgs/ArmStatus; times in seconds, lengths in metres.

    `gripper_trouble` says why the gripper does not do what it should; empty for nothing.
    """

    phase: Phase
    reason: str
    moving: bool
    mode: int
    state: int
    error: int
    warning: int
    command_age: float
    refused: int
    refusal: str
    expired: int
    opening: float
    gripper_trouble: str


def status_of(
    arm: Arm, attendant: Attendant, commands: Commands, phase: Phase, reason: str, moving: bool
) -> Status:
    """Return what all of them tell at this moment."""
    report, health = arm.feedback, arm.health
    return Status(
        phase=phase,
        reason=reason,
        moving=moving,
        mode=report.mode if report else 0,
        state=report.state if report else 0,
        error=health.error if health else 0,
        warning=health.warning if health else 0,
        command_age=commands.age,
        refused=commands.refused,
        refusal=commands.refusal,
        expired=commands.expired,
        opening=attendant.opening,
        gripper_trouble=attendant.trouble,
    )
