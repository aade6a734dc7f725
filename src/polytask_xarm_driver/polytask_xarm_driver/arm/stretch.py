"""How far the arm is stretched when its tool is somewhere, without knowing its joints.

Near full stretch a slow tool needs fast joints, and the controller ends that with an error. The
distance from the shoulder to the wrist tells how near; it does not depend on where the elbow is.
"""

from collections.abc import Sequence

import numpy as np

from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.arm.rotation import from_roll_pitch_yaw

# The maker's figures [m]: the shoulder's height, and from the flange to the wrist, back along the
# flange's axis and across it.
SHOULDER = np.array([0.0, 0.0, 0.267])
WRIST_BACK, WRIST_ACROSS = 0.097, 0.076
# From shoulder to wrist when the arm is stretched out.
LONGEST_STRETCH = float(np.hypot(0.293, 0.0525) + np.hypot(0.3425, 0.0775))
SMALLEST = 1e-6


def stretch(tool: Pose, offset: Sequence[float]) -> float:
    """Return the distance [m] from shoulder to wrist with the `tool` at a pose.

    `offset` (6) is the tool's pose in the flange's frame: x, y, z [m], roll, pitch, yaw [rad]. The
    wrist is taken to bend in the upright plane through the tool, as it does with the elbow up.
    """
    flange = tool.rotation @ from_roll_pitch_yaw(*offset[3:]).T
    axis = flange[:, 2]
    aside = np.array([-tool.position[1], tool.position[0], 0.0])
    across = np.cross(axis, aside)
    across /= max(float(np.linalg.norm(across)), SMALLEST)
    place = tool.position - flange @ np.asarray(offset[:3])
    return float(np.linalg.norm(place - WRIST_BACK * axis - WRIST_ACROSS * across - SHOULDER))
