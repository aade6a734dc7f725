"""What an expert does, filmed: its first success and its first failure."""

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Picture
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.rerun import Unrepeatable
from polytask_contract.episodes.video import FOR_PEOPLE, VideoWriter
from polytask_contract.success import RULES
from polytask_contract.suites import Photographed, Policy
from polytask_learning.compute import ComputeSettings
from polytask_learning.reports.headline import RULE, Headline
from polytask_learning.training.evaluate import evaluate
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert

SIZE = (320, 320)
# How long the last picture stays [s].
REST = 1.0
# Around a picture in which the task is accomplished.
EDGE, DONE = 5, (74, 201, 126)

# More pictures a second only take longer to draw.
MOST_A_SECOND = 25

Photograph = Callable[[], Picture]


class Clip(NamedTuple):
    """A filmed episode as MP4; `success` is by RULE."""

    seed: int
    success: bool
    steps: int
    mp4: bytes


def film(folder: RunFolder, shown: Headline) -> list[Clip]:
    """Return the first success and the first failure on the headline's seeds, if there are such.

    Raise what TrainedExpert and `find_suite` do, and Unrepeatable for an environment that cannot be
    photographed or in which an episode goes another way than it went.
    """
    compute = ComputeSettings()
    compute.prepare_process()
    trained = TrainedExpert(folder.path, compute)
    policy = trained.policy()
    with closing(trained.environment()) as environment:
        Form.of(environment.specification).check(trained.form, f"the suite {trained.form.suite}")
        if not isinstance(environment, Photographed):
            raise Unrepeatable(f"suite {trained.form.suite!r} cannot be photographed")
        first: dict[bool, int] = {}
        for seed, success in _verdicts(shown, environment, policy):
            first.setdefault(success, seed)
            if len(first) == 2:
                break
        # Shadows take nine times as long, minutes where a processor draws.
        photograph = partial(environment.photograph, SIZE, full=False)
        return [
            _filmed(environment, photograph, policy, first[success], success)
            for success in (True, False)
            if success in first
        ]


def _verdicts(
    shown: Headline, environment: Environment, policy: Policy
) -> Iterator[tuple[int, bool]]:
    """Yield seeds and whether they were a success, found out only where it is not known."""
    if shown.verdicts:
        yield from zip(shown.seeds, shown.verdicts, strict=True)
        return
    for seed in shown.seeds:
        yield seed, evaluate(environment, policy, [seed]).verdicts[0][RULE]


def _filmed(
    environment: Environment, photograph: Photograph, policy: Policy, seed: int, success: bool
) -> Clip:
    timestep = environment.reset(seed)
    successes = list[bool]()
    every = max(1, math.ceil(1 / MOST_A_SECOND / environment.specification.control_period - 1e-9))
    shown_for = every * environment.specification.control_period
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "episode.mp4")
        with VideoWriter(path, SIZE, shown_for, FOR_PEOPLE) as video:
            picture = photograph()
            video.write(picture)
            while not timestep.last():
                timestep = environment.step(policy(timestep))
                successes.append(bool(timestep.observation["success"]))
                if timestep.last() or len(successes) % every == 0:
                    picture = photograph()
                    picture = framed(picture) if successes[-1] else picture
                    video.write(picture)
            for _ in range(round(REST / shown_for)):
                video.write(picture)
        if bool(RULES[RULE](successes)) is not success:
            raise Unrepeatable(f"the episode of seed {seed} went another way when it was filmed")
        return Clip(seed, success, len(successes), path.read_bytes())


def framed(picture: Picture) -> Picture:
    """Return a picture with an edge that says: accomplished."""
    edged = np.full_like(picture, DONE)
    edged[EDGE:-EDGE, EDGE:-EDGE] = picture[EDGE:-EDGE, EDGE:-EDGE]
    return edged
