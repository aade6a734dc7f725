"""A unified policy's parts, put together from what was asked for."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polytask_contract.episodes.form import Form
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.distil_settings import DistilSettings
from polytask_learning.distilling.request import DistilRequest
from polytask_learning.goals.book import GoalBook
from polytask_learning.goals.image import GoalImage
from polytask_learning.goals.modality import Modality
from polytask_learning.goals.one_hot import OneHot
from polytask_learning.goals.sinusoid import Sinusoid
from polytask_learning.goals.text import Text
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.networks.unified import PictureGoal, UnifiedActor, VectorGoal
from polytask_learning.training.demonstrations import LEAST_SPREAD


def make_book(request: DistilRequest, picture: tuple[int, int]) -> GoalBook:
    """Return a book of the goals that are asked for, without tasks.

    Goal images have the size `picture` (rows, columns).
    """
    settings = request.settings
    kinds: dict[str, Modality[Any]] = {
        "onehot": OneHot(settings.capacity, settings.one_hot),
        "language": Text(),
        "image": GoalImage(*picture),
        "index": Sinusoid(settings.index),
    }
    return GoalBook([kinds[name] for name in request.goals])


def make_actor(
    request: DistilRequest,
    form: Form,
    frame_stack: int,
    book: GoalBook,
    data: Sequence[RelabelledData] = (),
) -> UnifiedActor:
    """Return an untrained policy; without `data`, one to load saved weights into.

    It sees `frame_stack` pictures at once where `form` has some, else states.
    """
    settings = request.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        encoder: nn.Module
        if form.image:
            encoder = PictureEncoder(3 * frame_stack, form.image, settings.features)
        else:
            encoder = StateEncoder(*_spread(data, form.state_size))
        goals = {
            name: _goal(settings, book.modality(name), encoder, frame_stack)
            for name in book.modalities
        }
        return UnifiedActor(
            encoder, goals, settings.hidden, form.action_size, layer_norm=settings.layer_norm
        )


def _goal(
    settings: DistilSettings, modality: Modality[Any], encoder: nn.Module, frame_stack: int
) -> VectorGoal | PictureGoal:
    if len(modality.shape) == 1:
        return VectorGoal(modality.shape[0], settings.goal_features)
    _, rows, columns = modality.shape
    if isinstance(encoder, PictureEncoder):
        return PictureGoal(encoder, frame_stack, settings.goal_features)
    alone = PictureEncoder(3, (rows, columns), settings.features)
    return PictureGoal(alone, 1, settings.goal_features)


def _spread(data: Sequence[RelabelledData], size: int) -> tuple[Tensor, Tensor]:
    """Return the mean state, and by what to divide each number: all tasks weigh the same."""
    if not data:
        return torch.zeros(size), torch.ones(size)
    states = [one.parts["state"] for one in data]
    mean = torch.stack([some.mean(dim=0) for some in states]).mean(dim=0)
    squares = torch.stack([((some - mean) ** 2).mean(dim=0) for some in states])
    return mean, squares.mean(dim=0).sqrt().clamp(min=LEAST_SPREAD)
