"""What each function code of the control port does."""
