"""Nodes of polytask_sim; nothing outside this folder imports ROS."""
