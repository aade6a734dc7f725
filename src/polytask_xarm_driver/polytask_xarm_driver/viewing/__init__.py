"""Showing topics to people who connect by WebSocket; without ROS."""
