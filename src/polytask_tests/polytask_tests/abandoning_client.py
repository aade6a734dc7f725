"""A client that begins an episode and then does nothing more, until somebody kills it.

python -m polytask_tests.abandoning_client NAMESPACE [SEED]
"""

import sys
import time

from polytask_ros.ros_environment import RosEnvironment

STEPS = 5


def main() -> None:
    """Take a few steps, say on standard output that the episode is under way, and wait."""
    environment = RosEnvironment("north_east", namespace=sys.argv[1])
    environment.reset(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for _ in range(STEPS):
        environment.step([0.5, 0.5])
    print("under way", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
