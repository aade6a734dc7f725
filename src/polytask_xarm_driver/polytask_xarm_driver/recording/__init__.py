"""Recording episodes that somebody or something else acts out; without ROS."""
