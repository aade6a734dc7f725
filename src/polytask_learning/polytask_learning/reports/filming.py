"""An episode filmed: what a policy does, as people see it."""

import math
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.rerun import Unrepeatable
from polytask_contract.episodes.video import FOR_PEOPLE, VideoWriter
from polytask_contract.success import RULES
from polytask_contract.suites import Photographed, Policy
from polytask_learning.reports.headline import RULE

SIZE = (320, 320)
# How long the last picture stays [s].
REST = 1.0
# Around a picture in which the task is accomplished.
EDGE, DONE = 5, (74, 201, 126)

# More pictures a second only take longer to draw.
MOST_A_SECOND = 25


class Clip(NamedTuple):
    """A filmed episode as MP4; `success` is by RULE."""

    seed: int
    success: bool
    steps: int
    mp4: bytes


def filmed(
    environment: Environment, policy: Policy, seed: int, size: tuple[int, int] = SIZE
) -> Clip:
    """Return the episode of `seed` in `environment`, acted by `policy`, in pictures of `size`.

    A size is rows and columns, both even. Raise Unrepeatable for an environment that cannot be
    photographed.
    """
    if not isinstance(environment, Photographed):
        suite = environment.specification.suite
        raise Unrepeatable(f"suite {suite!r} cannot be photographed")
    timestep = environment.reset(seed)
    successes = list[bool]()
    every = max(1, math.ceil(1 / MOST_A_SECOND / environment.specification.control_period - 1e-9))
    shown_for = every * environment.specification.control_period
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "episode.mp4")
        with VideoWriter(path, size, shown_for, FOR_PEOPLE) as video:
            # Shadows take nine times as long, minutes where a processor draws.
            picture = environment.photograph(size, full=False)
            video.write(picture)
            while not timestep.last():
                timestep = environment.step(policy(timestep))
                successes.append(bool(timestep.observation["success"]))
                if timestep.last() or len(successes) % every == 0:
                    picture = environment.photograph(size, full=False)
                    picture = framed(picture) if successes[-1] else picture
                    video.write(picture)
            for _ in range(round(REST / shown_for)):
                video.write(picture)
        return Clip(seed, bool(RULES[RULE](successes)), len(successes), path.read_bytes())


def framed(picture: Picture) -> Picture:
    """Return a picture with an edge that says: accomplished."""
    edged = np.full_like(picture, DONE)
    edged[EDGE:-EDGE, EDGE:-EDGE] = picture[EDGE:-EDGE, EDGE:-EDGE]
    return edged
