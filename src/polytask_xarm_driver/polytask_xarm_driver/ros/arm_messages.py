"""What the arm reports, as messages; their stamps and frames are the node's."""

import math

from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from polytask_msgs.msg import ArmStatus, ToolCommand
from polytask_xarm_driver import units
from polytask_xarm_driver.arm.command import Command
from polytask_xarm_driver.arm.feedback import Feedback
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.status import Status
from polytask_xarm_driver.ros.pose_messages import fill_pose

# As in the maker's URDF, where the last one drives the gripper.
JOINTS = [f"joint{number}" for number in range(1, 8)]
GRIPPER_JOINT = "drive_joint"


def joint_state(report: Feedback, opening: float) -> JointState:
    """Return the joints of a report, and the gripper's while its `opening` [m] is known."""
    message = JointState(
        name=list(JOINTS), position=list(report.joints), effort=list(report.efforts)
    )
    if not math.isnan(opening):
        message.name.append(GRIPPER_JOINT)
        message.position.append(units.drive_joint(opening))
        message.effort.append(math.nan)
    return message


def pose_stamped(pose: Pose) -> PoseStamped:
    """Return a pose."""
    message = PoseStamped()
    fill_pose(message.pose, pose)
    return message


def status_message(status: Status) -> ArmStatus:
    """Return how the arm is."""
    return ArmStatus(
        phase=int(status.phase),
        reason=status.reason,
        moving=status.moving,
        mode=status.mode,
        state=status.state,
        error_code=status.error,
        warning_code=status.warning,
        command_age=status.command_age,
        refused=status.refused,
        refusal=status.refusal,
        expired=status.expired,
        opening=status.opening,
    )


def command_of(message: ToolCommand, age: float) -> Command:
    """Return the command in a message whose stamp is `age` [s] old."""
    place, turned = message.pose.position, message.pose.orientation
    return Command(
        position=(place.x, place.y, place.z),
        quaternion=(turned.x, turned.y, turned.z, turned.w),
        opening=message.opening,
        age=age,
    )
