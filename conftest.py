"""One ROS domain for each run of the tests, so that they meet no other robot and no other run."""

import os
import random

# Domains above 101 would take ports that the system gives to anybody.
os.environ.setdefault("ROS_DOMAIN_ID", str(random.SystemRandom().randint(1, 101)))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
