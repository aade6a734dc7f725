"""The science of PolyTask: experts learnt from demonstrations; nothing here knows ROS."""
