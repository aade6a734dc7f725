"""Worlds: suites of tasks behind the environment contract, and the node that serves them."""
