"""H.264 in MP4: pictures to a video that browsers play, and back."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import av
import numpy as np

from polytask_contract.episodes.episode import Picture
from polytask_contract.errors import PolyTaskError

# Ticks a second: every control period of ours, and 24, 25 and 30 Hz, are whole numbers of them.
CLOCK = 90_000
CODEC: Final = "libx264"
CODEC_NAME = "h264"


class Coding(NamedTuple):
    """How pictures are compressed.

    `loss` is on x264's scale, from 0, none, to 51. Every `key_every`-th picture is coded by itself:
    fewer make a smaller file, more make it faster to jump in.
    """

    pixels: str
    loss: int
    key_every: int


# Colours at half the resolution, as every browser plays it; sizes must be even. The eye sees no
# other difference.
FOR_PEOPLE = Coding("yuv420p", loss=18, key_every=12)
# Small pictures suffer most from halved colours. At this loss a value of Meta-World's 84 x 84
# pictures errs by 1.6 of 255 in the mean, half of what it does at 18, at twice the size of file.
# A picture in the middle is found by decoding two at most, as in LeRobot's own videos.
FOR_LEARNING = Coding("yuv444p", loss=10, key_every=2)


class InvalidVideo(PolyTaskError):
    """A video cannot be read, or is shorter than it should be; the message names the file."""


class VideoWriter:
    """Writes one video, a picture at a time."""

    def __init__(self, path: Path, size: tuple[int, int], period: float, coding: Coding) -> None:
        """Begin a video of pictures of `size` (rows, columns), each shown for `period` seconds."""
        self._ticks = 0
        self._period = period
        options = {"movflags": "faststart"}
        self._container = av.open(str(path), "w", format="mp4", options=options)
        rate = Fraction(1 / period).limit_denominator(1000)
        self._stream = self._container.add_stream(CODEC, rate=rate)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = coding.pixels
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, CLOCK)
        # Pictures that look ahead would shift the video's beginning.
        self._stream.options = {"crf": str(coding.loss), "g": str(coding.key_every), "bf": "0"}

    def write(self, picture: Picture) -> None:
        """Add a picture (rows, columns, RGB)."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = round(self._ticks * self._period * CLOCK)
        frame.time_base = Fraction(1, CLOCK)
        self._ticks += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        """Write in a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file."""
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def read_clips(path: Path, clips: Sequence[tuple[float, int]], period: float) -> Iterator[Picture]:
    """Yield the pictures (count, rows, columns, 3) of each clip of a video, one clip after another.

    A clip is its start [s] and the number of its pictures; `clips` are in order of time and do not
    overlap; `period` is the time between two pictures [s]. Raise InvalidVideo where one is missing.
    """
    try:
        with av.open(str(path)) as container:
            frames = container.decode(video=0)
            for start, count in clips:
                pictures: list[Picture] = []
                while len(pictures) < count:
                    frame: Any = next(frames, None)
                    if frame is None:
                        raise InvalidVideo(
                            f"{path} ends {len(pictures)} pictures after {start:.3f} s; "
                            f"valid: {count}"
                        )
                    if frame.time >= start - period / 2:
                        pictures.append(frame.to_ndarray(format="rgb24"))
                yield np.stack(pictures)
    except (av.FFmpegError, IndexError) as error:
        raise InvalidVideo(f"{path} cannot be read as a video: {error}") from error
