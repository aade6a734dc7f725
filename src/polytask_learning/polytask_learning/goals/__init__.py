"""Goals: which task a policy shall do, as numbers that it can be conditioned on."""
