"""Episodes one after another as a video, each under its caption."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from polytask_contract.durable import replacing
from polytask_contract.episodes.contact_sheet import (
    BACKGROUND,
    CAPTION_COLOUR,
    CAPTION_ROWS,
    GUTTER,
    Shown,
    enlarged,
)
from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.video import FOR_PEOPLE, VideoWriter

# How long the goal is shown, before the next episode begins [s].
REST = 1.0


def write_film(path: Path, episodes: Sequence[Shown], period: float) -> None:
    """Write an MP4 that shows each picture for `period` seconds and rests on the last ones."""
    rows, columns = np.max([enlarged(shown.pictures[0]).shape[:2] for shown in episodes], axis=0)
    # Browsers play even sizes.
    size = (int(rows + CAPTION_ROWS + 1) // 2 * 2, int(columns + 1) // 2 * 2)
    rests = round(REST / period)
    with replacing(path) as aside, VideoWriter(aside, size, period, FOR_PEOPLE) as video:
        for shown in episodes:
            for picture in [*shown.pictures, *([shown.pictures[-1]] * rests)]:
                video.write(_frame(shown.caption, picture, size))


def _frame(caption: str, picture: Picture, size: tuple[int, int]) -> Picture:
    frame = Image.new("RGB", (size[1], size[0]), BACKGROUND)
    ImageDraw.Draw(frame).text((GUTTER, 1), caption, fill=CAPTION_COLOUR)
    frame.paste(Image.fromarray(enlarged(picture)), (0, CAPTION_ROWS))
    return np.asarray(frame)
