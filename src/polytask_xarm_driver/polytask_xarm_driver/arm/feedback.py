"""What the controller reports a hundred times a second."""

from dataclasses import dataclass

from polytask_xarm_driver.arm.pose import Pose

# States of the controller in which it takes velocities: just told to run, moving, standing by.
RUNNING = (0, 1, 2)
VELOCITY_MODE = 5


@dataclass(frozen=True)
class Feedback:
    """One report: `at` is when it came, on the monotonic clock [s].

    `joints` are angles [rad] and, as the pose, finite; `efforts` are torques [N m]; `mode` and
    `state` are the controller's.
    """

    at: float
    joints: tuple[float, ...]
    efforts: tuple[float, ...]
    pose: Pose
    mode: int
    state: int
