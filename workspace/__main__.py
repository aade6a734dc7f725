"""Entry of ./run: reads the verb, sets the workspace up, runs the verb."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from workspace.failure import SetupError, UsageError
from workspace.verbs import perform


def main(arguments: list[str]) -> int:
    """Perform one command line and return its exit status."""
    # A polite kill must end the children too, so it leaves through the same clean-up as an exit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return perform(arguments, os.environ)
    except UsageError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except SetupError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrun: interrupted; the next call picks up from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
