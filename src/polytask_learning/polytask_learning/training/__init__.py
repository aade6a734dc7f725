"""Training: the only part of the learner that reads and writes, beside `data`."""
