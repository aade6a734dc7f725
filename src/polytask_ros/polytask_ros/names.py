"""Names on the ROS graph; relative: a namespace makes another robot."""

SPEC = "environment/spec"
OBSERVATION = "environment/observation"
ACTION = "environment/action"
REFUSAL = "environment/refusal"
RESET = "environment/reset"
RELEASE = "environment/release"
HALT = "environment/halt"

JOINT_STATES = "joint_states"
TOOL_POSE = "arm/tool_pose"
ARM_STATUS = "arm/status"
ARM_COMMAND = "arm/command"
ARM_STOP = "arm/stop"
ARM_RECOVER = "arm/recover"

# What is known of a task's things, from whoever tracks or judges them.
SCENE_STATE = "scene/state"
SCENE_PREPARE = "scene/prepare"
SCENE_IMAGE = "scene/image_raw"

JOY = "joy"
OPERATOR_EVENT = "operator/event"
RECORD = "demonstrations/record"

TRAIN = "learner/train"
LEARNER_STATUS = "learner/status"
COMPUTE_REWARD = "reward/compute"
DISTILL = "distiller/distill"
DISTILLER_STATUS = "distiller/status"
LOAD_POLICY = "policy/load"
RUN_TASK = "policy/run_task"
# What a person wants to see around the robot: bounds, the tool's way, the goal.
MARKERS = "robot/markers"

# REP-107: one place for the whole machine, whatever the namespace.
DIAGNOSTICS = "/diagnostics"

# The names that image_transport and image_proc expect of a camera.
CAMERA_IMAGE = "camera/image_raw"
CAMERA_INFO = "camera/camera_info"
CAMERA_COMPRESSED = "camera/image_raw/compressed"
