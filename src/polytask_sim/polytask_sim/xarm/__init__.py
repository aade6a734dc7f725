"""The UFACTORY xArm 7 in MuJoCo, and the paper's table of tasks around it."""
