"""A robot on a machine of its own: tells over its output what its tool and its episodes do.

    python -m polytask_tests.told_robot NAMESPACE '{"kind": "emulated"}'

The second word holds options of RobotUnderTest, as JSON. It ends with its input.
"""

import json
import sys

from polytask_tests.robot_under_test import RobotUnderTest
from polytask_tests.told import heard, tell

LOOK = 0.02


def main() -> None:
    """Start the robot, say so, and tell on until the input ends."""
    namespace, options = sys.argv[1:]
    with RobotUnderTest(namespace, **json.loads(options)) as robot:
        tell(ready=True)
        while not heard():
            robot.spin(LOOK)
            for when, message in robot.poses:
                place = message.pose.position
                tell(at=when, place=[place.x, place.y, place.z])
            for message in robot.observations:
                tell(episode=message.episode, step=message.step, ending=message.ending_message)
            robot.poses.clear()
            robot.observations.clear()


if __name__ == "__main__":
    main()
