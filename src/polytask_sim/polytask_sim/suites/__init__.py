"""The suites, one module each; they are found through the entry point group `polytask.suites`."""

from farama_notifications import notifications

# Gymnasium-Robotics tells whoever imports it about hands that no suite here has.
notifications.pop("gymnasium_robotics", None)
