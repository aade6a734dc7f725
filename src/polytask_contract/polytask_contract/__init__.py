"""What every side of PolyTask agrees on: suites, the environment contract and its errors.

Nothing here imports ROS, torch or another package of this suite.
"""
