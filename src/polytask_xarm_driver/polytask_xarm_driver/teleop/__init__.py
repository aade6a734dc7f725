"""From how a joystick stands to actions, halts and what the operator says; without ROS."""
