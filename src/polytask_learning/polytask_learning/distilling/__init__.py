"""Many experts into one policy, and more of them later, without forgetting."""
