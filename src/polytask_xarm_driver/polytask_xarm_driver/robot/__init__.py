"""The robot as a world: what a task is there, what is sensed, how an episode is begun and lived."""
