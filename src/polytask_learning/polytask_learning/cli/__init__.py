"""Verbs of the command `polytask`, one a file."""
