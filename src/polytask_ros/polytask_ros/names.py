"""Names of the environment contract on the ROS graph; relative: a namespace makes another robot."""

SPEC = "environment/spec"
OBSERVATION = "environment/observation"
ACTION = "environment/action"
REFUSAL = "environment/refusal"
RESET = "environment/reset"
RELEASE = "environment/release"
