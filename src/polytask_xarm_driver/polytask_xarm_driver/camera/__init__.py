"""A camera, whichever it is: its pictures, their moments, and whether they can be trusted."""
