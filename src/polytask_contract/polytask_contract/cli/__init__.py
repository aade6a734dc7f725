"""The command `polytask`: verbs found by entry point, one a file, each package adds its own."""
