"""An emulated controller of the UFACTORY xArm 7, which the maker's own SDK can talk to."""
