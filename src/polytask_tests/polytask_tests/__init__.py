"""System tests across packages, and the processes that they need."""
