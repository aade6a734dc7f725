"""Many learners at once, each a process of its own; knows commands, not what they compute."""
