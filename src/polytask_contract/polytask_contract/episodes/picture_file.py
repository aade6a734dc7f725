"""A picture of somebody's own, in any of the usual formats."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from polytask_contract.episodes.episode import Picture
from polytask_contract.errors import PolyTaskError

# Modes of numbers that would be cut off, not scaled.
DEEPER = ("I", "F")


class InvalidPicture(PolyTaskError):
    """A file is not a picture that can be read; the message names it."""


def read_picture(path: Path) -> Picture:
    """Return the picture at `path` (rows, columns, 3); raise InvalidPicture unless it is one."""
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith(DEEPER):
                raise InvalidPicture(f"{path} has more than 8 bits a colour; valid: 8")
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise InvalidPicture(f"{path} is no picture: {error}") from error
    except OSError as error:
        # Of what is damaged it is said without the file, and without a number of the system's.
        if error.errno is not None:
            raise
        raise InvalidPicture(f"{path} is no whole picture: {error}") from error
