"""Sets the workspace up and runs its verbs.

Standard library only: it runs before anything is installed.
"""
