"""The table that the arm stands on: floor, light, camera, and a task's props."""

import mujoco

from polytask_sim.xarm.arm_model import arm_actuators, arm_body
from polytask_sim.xarm.table_task import PROP, TableTask

TIMESTEP = 0.004
CAMERA = "table"


def table_model(task: TableTask) -> mujoco.MjModel:
    """Return the arm at its table with the props of `task`."""
    props = task.props()
    return mujoco.MjModel.from_xml_string(
        f"""
<mujoco model="xarm7_table">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" integrator="implicitfast" jacobian="sparse" tolerance="1e-7"/>
  <visual><headlight ambient="0.35 0.35 0.35" diffuse="0.35 0.35 0.35"/></visual>
  <asset><texture type="skybox" builtin="flat" rgb1="0.75 0.8 0.85" width="32" height="32"/></asset>
  <default>
    <geom friction="0.9 0.005 0.0002" solref="0.008 1"/>
  </default>
  <worldbody>
    <light name="lamp" pos="0.3 -0.6 1.8" dir="0.05 0.3 -1" diffuse="0.55 0.55 0.55"/>
    <camera name="{CAMERA}" pos="1.0 -0.63 0.74" fovy="39"
      xyaxes="0.72 0.69 0 -0.4 0.42 0.82"/>
    <geom name="floor" type="plane" size="3 3 0.1" pos="0 0 -0.75" rgba="0.45 0.47 0.5 1" {PROP}/>
    <geom name="top" type="box" size="0.5 0.5 0.02" pos="0.35 0 -0.02" rgba="0.82 0.8 0.76 1"
      {PROP}/>
    {arm_body(props.held)}
    {props.world}
  </worldbody>
  {props.beside}
  <actuator>{arm_actuators()}</actuator>
</mujoco>"""
    )
