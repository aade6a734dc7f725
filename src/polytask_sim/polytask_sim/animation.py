"""Episodes as a moving picture that any browser shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]

CAPTION_ROWS = 14
GUTTER = 6
CAPTION_COLOUR = (230, 230, 230)
BACKGROUND = (12, 14, 20)


def side_by_side(episodes: Mapping[str, Sequence[Picture]], scale: int) -> list[Image.Image]:
    """Return frames that play all `episodes` at once, each under its name, `scale` times as large.

    A shorter episode rests on its last picture.
    """
    length = max(len(pictures) for pictures in episodes.values())
    return [_frame(episodes, moment, scale) for moment in range(length)]


def _frame(episodes: Mapping[str, Sequence[Picture]], moment: int, scale: int) -> Image.Image:
    tiles = []
    for name, pictures in episodes.items():
        picture = Image.fromarray(pictures[min(moment, len(pictures) - 1)])
        rows, columns = picture.height * scale, picture.width * scale
        tile = Image.new("RGB", (columns + GUTTER, rows + CAPTION_ROWS), BACKGROUND)
        tile.paste(picture.resize((columns, rows), Image.Resampling.NEAREST), (0, CAPTION_ROWS))
        ImageDraw.Draw(tile).text((4, 1), name, fill=CAPTION_COLOUR)
        tiles.append(np.asarray(tile))
    return Image.fromarray(np.concatenate(tiles, axis=1))


def write_animation(path: Path, frames: Sequence[Image.Image], seconds_per_frame: float) -> None:
    """Write `frames` as an endless GIF; a file that is there is replaced only by a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    first, *rest = frames
    duration = round(1000 * seconds_per_frame)
    first.save(aside, "GIF", save_all=True, append_images=rest, duration=duration, loop=0)
    aside.rename(path)
