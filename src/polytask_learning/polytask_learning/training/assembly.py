"""A run's parts, put together from what was asked for."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form
from polytask_contract.specification import Specification
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.episode_log import EpisodeLog
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.settings import ENOUGH, ExpertSettings
from polytask_learning.training.demonstrations import whitening
from polytask_learning.training.loop import Loop, LoopSettings, Memories
from polytask_learning.training.means import Means
from polytask_learning.training.request import Request
from polytask_learning.training.rewarding import EnvironmentRewards, MatchingRewards, Rewarding
from polytask_learning.training.run_folder import RunFolder

# Transitions that are kept to learn from (paper, table IV), and own ones to imitate.
PRACTISED, IMITABLE = 150_000, 20_000

# Makes a request's expert, for episodes of a form, computing so, that has been shown something.
Maker = Callable[[Request, Form, ComputeSettings, Sequence[Episode]], Expert]


def make_expert(
    request: Request,
    form: Form,
    compute: ComputeSettings,
    shown: Sequence[Episode] = (),
    *,
    settings: ExpertSettings | None = None,
) -> Expert:
    """Return an untrained expert; without what was `shown`, one to load a saved state into.

    Its `settings` are those of the request, unless it is of other days.
    """
    settings = settings or request.settings
    encoder: nn.Module
    if form.image and request.observations == "pixels":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(request.seed)
            channels = 3 * settings.frame_stack
            encoder = PictureEncoder(channels, form.image, settings.features, settings.strides)
        features = settings.features
    else:
        features = form.state_size
        scale = whitening(shown) if shown else (torch.zeros(features), torch.ones(features))
        encoder = StateEncoder(*scale)
    return Expert(encoder, features, form.action_size, settings, request.seed, compute=compute)


def make_loop(
    request: Request,
    environments: tuple[Environment, Environment],
    shown: Sequence[Episode],
    folder: RunFolder,
    means: Means,
    make: Maker = make_expert,
) -> tuple[Loop, dict[str, EpisodeLog]]:
    """Return the loop, and its memories that are on disk, by the count in its progress.

    In the first of `environments` it practises, in the second it is judged. `make` makes the
    expert as `make_expert` does.
    """
    settings, specification = request.settings, environments[0].specification
    compute = means.compute
    expert = make(request, Form.of(specification), compute, shown)
    rewarding: Rewarding = EnvironmentRewards(shown)
    if request.reward == "ot":
        rewarding = MatchingRewards(
            shown, expert.encoder, request.frame_stack, request.matching, compute, means.match
        )
    logs = {
        "episodes": EpisodeLog(
            folder.practised, _replay(request, specification, compute, PRACTISED)
        ),
        "imitable": EpisodeLog(folder.imitable, _replay(request, specification, compute, IMITABLE)),
    }
    room = max(1, sum(len(one) + 1 for one in shown))
    imitated = _replay(request, specification, compute, room)
    for one in shown:
        imitated.add(rewarding.demonstrated(one))
    pace = LoopSettings(
        request.steps,
        evaluate_every=request.evaluate_every,
        episodes=request.evaluation_episodes,
        enough=ENOUGH.get(request.suite, float("inf")),
        frame_stack=request.frame_stack,
    )
    memories = Memories(logs["episodes"], imitated, logs["imitable"])
    both: tuple[ExpertSettings, LoopSettings] = (settings, pace)
    loop = Loop(environments, expert, both, memories, rewarding, request.seed, means.watch)
    return loop, logs


def _replay(
    request: Request, specification: Specification, compute: ComputeSettings, most: int
) -> Replay:
    """Return a replay of as many observations as a run can come to, and `most` of them."""
    length = specification.episode_length
    if length:
        most = min(most, (request.steps // length + 2) * (length + 1))
    settings, frames = request.settings, request.frame_stack
    size = 3 * math.prod(specification.image or ()) if frames else 4 * specification.state_size
    return Replay(
        Form.of(specification),
        most,
        n_step=settings.n_step,
        discount=settings.discount,
        frame_stack=frames,
        device=compute.place_for(most * size),
    )
