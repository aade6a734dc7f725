"""A page that shows episodes at a glance: some pictures of each, from the first to the goal."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from polytask_contract.durable import replacing
from polytask_contract.episodes.episode import Episode, Picture

PICTURES = 6
GUTTER = 6
CAPTION_ROWS = 14
SMALLEST_SIDE = 168
CAPTION_COLOUR = (230, 230, 230)
GOAL_COLOUR = (120, 220, 120)
BACKGROUND = (12, 14, 20)


class Shown(NamedTuple):
    """A row of the page: what it says, and an episode's pictures from its first to its last.

    `ends_in_goal` tells whether the last picture shows the task accomplished.
    """

    caption: str
    pictures: Sequence[Picture]
    ends_in_goal: bool


def caption(name: str, episode: Episode) -> str:
    """Return one line about an episode that is kept under `name`."""
    verdicts = " ".join(
        f"{rule}:{'yes' if good else 'NO'}" for rule, good in episode.verdicts.items()
    )
    seed = "none" if episode.seed is None else episode.seed
    return f"{name}  {episode.source}  seed {seed}  {len(episode)} steps  {verdicts}"


def enlarged(picture: Picture) -> Picture:
    """Return a small picture some whole times as large, so that its pixels stay square."""
    scale = max(1, -(-SMALLEST_SIDE // min(picture.shape[:2])))
    return np.ascontiguousarray(picture.repeat(scale, axis=0).repeat(scale, axis=1))


def write_contact_sheet(path: Path, rows: Sequence[Shown]) -> None:
    """Write a PNG with a row for each of `rows`: PICTURES of it, a goal at its end marked."""
    strips = [_strip(row) for row in rows]
    page = Image.new(
        "RGB",
        (max(strip.width for strip in strips), sum(strip.height for strip in strips)),
        BACKGROUND,
    )
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    with replacing(path) as aside:
        page.save(aside, "PNG")


def _strip(row: Shown) -> Image.Image:
    last = len(row.pictures) - 1
    moments = sorted({round(share * last) for share in np.linspace(0, 1, PICTURES)})
    tiles = [enlarged(row.pictures[moment]) for moment in moments]
    height, width = tiles[0].shape[:2]
    strip = Image.new(
        "RGB",
        (GUTTER + len(tiles) * (width + GUTTER), 2 * CAPTION_ROWS + height + GUTTER),
        BACKGROUND,
    )
    draw = ImageDraw.Draw(strip)
    draw.text((GUTTER, 1), row.caption, fill=CAPTION_COLOUR)
    for place, (moment, tile) in enumerate(zip(moments, tiles, strict=True)):
        left = GUTTER + place * (width + GUTTER)
        goal = row.ends_in_goal and moment == last
        colour = GOAL_COLOUR if goal else CAPTION_COLOUR
        draw.text((left, CAPTION_ROWS), f"{moment}{'  goal' if goal else ''}", fill=colour)
        strip.paste(Image.fromarray(tile), (left, 2 * CAPTION_ROWS))
        if goal:
            frame = (
                left - 2,
                2 * CAPTION_ROWS - 2,
                left + width + 1,
                2 * CAPTION_ROWS + height + 1,
            )
            draw.rectangle(frame, outline=GOAL_COLOUR, width=2)
    return strip
