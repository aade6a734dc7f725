"""Frames and payloads as the controller's sockets carry them."""
