"""The xArm 7 and its gripper as MuJoCo's XML: the maker's figures in plain shapes.

The model stands by itself: joints `joint1` to `joint7` and the fingers `finger_left` and
`finger_right` each have a position actuator of the same name, and the site `tool` is the point
between the finger tips.
"""

import numpy as np

from polytask_contract.table import FINGER_TRAVEL
from polytask_sim.xarm.kinematics import DENAVIT_HARTENBERG, JOINTS, LOWER, TOOL_LENGTH, UPPER

# Mass [kg] and centre of mass [m] of each link, from the maker's inertial parameters for ROS
# (xarm_ros, xarm_description/config/link_inertial/xarm7_type7_HT_BR2.yaml).
LINKS = (
    (2.382, (-0.0002, 0.02905, -0.01233)),
    (1.869, (0.00022, -0.12856, 0.01735)),
    (1.6383, (0.0466, -0.02463, -0.00768)),
    (1.7269, (0.07047, -0.11575, 0.012)),
    (1.3203, (-0.00032, 0.01604, -0.026)),
    (1.325, (0.06469, 0.03278, 0.02141)),
    (0.17, (0.0, -0.00677, -0.01098)),
)
# Of each joint, the largest torque [N m] and how thick its link is [m].
TORQUES = (50, 50, 30, 30, 30, 20, 20)
RADII = (0.055, 0.05, 0.048, 0.045, 0.042, 0.04, 0.036)
# A link's moment of inertia [kg m^2] as of a ball of its mass and this radius [m].
GYRATION = 0.09

# Arm and fingers touch props (contype 2), which touch each other too; the arm never itself.
TOUCH = 'contype="1" conaffinity="2"'
WHITE, GREY, BLACK = "0.93 0.93 0.93 1", "0.6 0.6 0.62 1", "0.12 0.12 0.13 1"


def arm_body(held: str = "") -> str:
    """Return the arm's body; `held` is XML of what is fixed in the gripper, in the tool's frame."""
    inner = _gripper(held)
    for number in reversed(range(JOINTS)):
        inner = _link(number, inner)
    return f"""
<body name="base" gravcomp="1">
  <geom type="cylinder" size="0.063 0.1" pos="0 0 0.1" rgba="{WHITE}" {TOUCH}/>
  {inner}
</body>"""


def arm_actuators() -> str:
    """Return the actuators: positions of joints [rad] and fingers [m]."""
    joints = "".join(
        f'<position name="joint{number + 1}" joint="joint{number + 1}" kp="{60 * torque}" '
        f'dampratio="1" forcerange="{-torque} {torque}" '
        f'ctrlrange="{LOWER[number]} {UPPER[number]}"/>\n'
        for number, torque in enumerate(TORQUES)
    )
    fingers = "".join(
        f'<position name="finger_{side}" joint="finger_{side}" kp="3000" dampratio="1" '
        f'forcerange="-15 15" ctrlrange="0 {FINGER_TRAVEL}"/>\n'
        for side in ("left", "right")
    )
    return joints + fingers


def _link(number: int, inner: str) -> str:
    """Return link `number` (from 0) with `inner` at its end."""
    alpha, a, d = DENAVIT_HARTENBERG[number]
    position = _text((a, -np.sin(alpha) * d, np.cos(alpha) * d))
    mass, centre = LINKS[number]
    inertia = 0.4 * mass * GYRATION**2
    return f"""
<body name="link{number + 1}" pos="{position}" euler="{alpha} 0 0" gravcomp="1">
  <inertial mass="{mass}" pos="{_text(centre)}" diaginertia="{_text([inertia] * 3)}"/>
  <joint name="joint{number + 1}" axis="0 0 1" range="{LOWER[number]} {UPPER[number]}"
    armature="0.1" damping="2"/>
  {_shape(number)}
  {inner}
</body>"""


def _shape(number: int) -> str:
    """Return the shape of link `number`, from its joint to the next."""
    radius = RADII[number]
    if number == JOINTS - 1:
        return f'<geom type="cylinder" size="{radius} 0.02" pos="0 0 -0.02" rgba="{GREY}" {TOUCH}/>'
    alpha, a, d = DENAVIT_HARTENBERG[number + 1]
    end = np.array([a, -np.sin(alpha) * d, np.cos(alpha) * d])
    if np.linalg.norm(end) < 1e-6:
        return f'<geom type="sphere" size="{radius * 1.15}" rgba="{WHITE}" {TOUCH}/>'
    return (
        f'<geom type="capsule" size="{radius}" fromto="0 0 0 {_text(end)}" rgba="{WHITE}" {TOUCH}/>'
    )


def _gripper(held: str) -> str:
    fingers = "".join(
        f"""
<body name="finger_{side}" pos="0 {sign * 0.008} {TOOL_LENGTH - 0.03}" gravcomp="1">
  <joint name="finger_{side}" type="slide" axis="0 {sign} 0" range="0 {FINGER_TRAVEL}"
    armature="0.01" damping="2"/>
  <geom type="box" size="0.012 0.007 0.035" mass="0.08" rgba="{BLACK}" friction="1.2" condim="4"
    {TOUCH}/>
</body>"""
        for side, sign in (("left", 1), ("right", -1))
    )
    return f"""
<body name="gripper" gravcomp="1">
  <geom type="box" size="0.035 0.06 0.05" pos="0 0 0.055" mass="0.54" rgba="{GREY}" {TOUCH}/>
  {fingers}
  <body name="tool" pos="0 0 {TOOL_LENGTH}">
    <site name="tool" size="0.004" rgba="0 0 0 0"/>
    {held}
  </body>
</body>"""


def _text(numbers: object) -> str:
    return " ".join(f"{number:.9g}" for number in np.asarray(numbers, float))
