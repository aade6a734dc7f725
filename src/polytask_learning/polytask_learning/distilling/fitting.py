"""What is saved whole and does not fit what it is loaded into, told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polytask_learning.training.checkpoint import BrokenCheckpoint

# Torch tells of every weight that does not fit; the first says enough.
LINES = 2


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Raise BrokenCheckpoint where the block finds that what is saved in `path` does not fit.

    So it is with files of another version, and beside a manifest of something else.
    """
    try:
        yield
    # Torch tells weights that do not fit by RuntimeError.
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        lines = str(error).splitlines()[:LINES]
        found = f"{error} is missing" if isinstance(error, KeyError) else " ".join(lines)
        raise BrokenCheckpoint(
            f"what is saved in {path} does not fit its manifest: {' '.join(found.split())}"
        ) from error
