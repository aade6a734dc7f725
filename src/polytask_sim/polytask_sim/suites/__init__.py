"""The suites, one module each; they are found through the entry point group `polytask.suites`."""
