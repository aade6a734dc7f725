"""Nodes of the learner: adapters between its core and ROS."""
