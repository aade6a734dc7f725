"""Data: what has been seen, kept in memory and on disk, and sampled from."""
