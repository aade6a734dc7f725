"""How a verb says that it cannot go on."""


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


class UsageError(Exception):
    """The command line asks for something there is not; the message names what there is."""
