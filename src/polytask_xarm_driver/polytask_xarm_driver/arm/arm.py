"""What the driver needs of an arm."""

from typing import Protocol

from polytask_xarm_driver.arm.feedback import Feedback
from polytask_xarm_driver.arm.health import Health
from polytask_xarm_driver.arm.limits import Limits
from polytask_xarm_driver.arm.pose import Twist


class Arm(Protocol):
    """An arm's controller; every call but the properties may take time and raise ArmError.

    Nothing here clears an error except `clear`, and nothing moves the arm except `move` and the
    gripper's fingers except `grip`.
    """

    @property
    def connected(self) -> bool:
        """Whether the controller answers, as far as is known."""

    @property
    def serial(self) -> str:
        """What the maker calls this arm; empty before the first connection."""

    @property
    def feedback(self) -> Feedback | None:
        """The newest report of place and state; None before the first."""

    @property
    def health(self) -> Health | None:
        """The newest report of errors and temperatures; None before the first."""

    def connect(self) -> None:
        """Connect, and wait for the first reports; raise ArmError for firmware that is too old."""

    def close(self) -> None:
        """Disconnect and leave nothing behind; does nothing when not connected."""

    def set_limits(self, limits: Limits) -> None:
        """Ask the controller to keep `limits`; whether it does is told by `read_limits`."""

    def read_limits(self, *, anew: bool) -> Limits:
        """Return what the controller keeps; `anew` waits for reports that are made from now on."""

    def fault(self) -> tuple[int, int]:
        """Ask for the codes of error and warning, 0 for none."""

    def clear(self) -> None:
        """Clear the controller's error and warning, once."""

    def enable(self) -> None:
        """Switch the motors on and let the controller take velocities."""

    def stop(self) -> None:
        """Stop the controller at once; it takes nothing until it is enabled."""

    def disable(self) -> None:
        """Stop, and switch the motors off."""

    def move(self, twist: Twist, seconds: float) -> None:
        """Move by `twist` for at most `seconds`, after which the controller itself stops."""

    def enable_gripper(self) -> None:
        """Make the gripper ready; its fingers stay where they are."""

    def grip(self, opening: float) -> None:
        """Send the fingers to be `opening` [m] apart; do not wait for them."""

    def opening(self) -> float:
        """Ask how far the fingers are apart [m]."""
