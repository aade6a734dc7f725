"""Poses in messages."""

from geometry_msgs.msg import Pose as PoseMessage

from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import from_quaternion, to_quaternion


def fill_pose(message: PoseMessage, pose: Pose) -> None:
    """Write `pose` into `message`."""
    place, turned = message.position, message.orientation
    place.x, place.y, place.z = pose.position.tolist()
    turned.x, turned.y, turned.z, turned.w = to_quaternion(pose.rotation)


def pose_of(message: PoseMessage) -> Pose:
    """Return the pose that `message` tells, whose quaternion is of unit length."""
    place, turned = message.position, message.orientation
    rotation = from_quaternion((turned.x, turned.y, turned.z, turned.w))
    return Pose((place.x, place.y, place.z), rotation)
