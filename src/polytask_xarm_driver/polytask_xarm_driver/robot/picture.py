"""A camera's picture as an observation shows it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def fitted(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the middle of `picture` (rows, columns, 3) in the shape of `size`, scaled to it.

    Each pixel is the mean of those it covers; nothing is stretched.
    """
    rows, columns = picture.shape[:2]
    wanted_rows, wanted_columns = size
    scale = min(rows / wanted_rows, columns / wanted_columns)
    height, width = scale * wanted_rows, scale * wanted_columns
    top, left = (rows - height) / 2, (columns - width) / 2
    box = (left, top, left + width, top + height)
    image = Image.fromarray(picture)
    shrunk = image.resize((wanted_columns, wanted_rows), Image.Resampling.BOX, box)
    return np.asarray(shrunk)
