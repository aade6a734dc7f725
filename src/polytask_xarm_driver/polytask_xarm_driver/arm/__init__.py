"""The arm, without ROS: what it is told, what it may be told, and when it must stand still."""
