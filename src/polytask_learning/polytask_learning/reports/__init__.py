"""Pages about runs: one file each, which needs nothing else to be read."""
