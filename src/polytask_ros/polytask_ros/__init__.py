"""What every PolyTask node shares: names, QoS, messages, parameters, the environment over ROS."""
