"""Names on the ROS graph; relative: a namespace makes another robot."""

SPEC = "environment/spec"
OBSERVATION = "environment/observation"
ACTION = "environment/action"
REFUSAL = "environment/refusal"
RESET = "environment/reset"
RELEASE = "environment/release"

# The names that image_transport and image_proc expect of a camera.
CAMERA_IMAGE = "camera/image_raw"
CAMERA_INFO = "camera/camera_info"
