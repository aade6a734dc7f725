"""A gamepad's events as the axes and buttons that ROS's `joy` publishes; without ROS."""
