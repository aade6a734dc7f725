"""How the scripted expert of Franka Kitchen moves: courses, kinematics, and who follows them."""
