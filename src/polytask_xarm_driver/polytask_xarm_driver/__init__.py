"""One robot: a UFACTORY xArm 7 with its gripper, a camera, and a joystick.

What is told here without ROS is in this package; the nodes are thin and in `ros/`. Inside, lengths
are metres and angles radians; only `units` knows the controller's.
"""
