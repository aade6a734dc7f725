"""A unified policy's parts, put together from what was asked for."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polytask_contract.episodes.form import Form
from polytask_learning.data.relabelled_data import RelabelledData
from polytask_learning.distil_settings import DistilSettings
from polytask_learning.goals.book import GoalBook
from polytask_learning.goals.image import GoalImage
from polytask_learning.goals.modality import Modality
from polytask_learning.goals.one_hot import OneHot
from polytask_learning.goals.sinusoid import Sinusoid
from polytask_learning.goals.text import Text
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.networks.unified import PictureGoal, UnifiedActor, VectorGoal
from polytask_learning.training.demonstrations import LEAST_SPREAD


def make_book(names: Sequence[str], settings: DistilSettings, picture: tuple[int, int]) -> GoalBook:
    """Return a book of goals of the modalities `names`, without tasks.

    Goal images have the size `picture` (rows, columns).
    """
    kinds: dict[str, Modality[Any]] = {
        "onehot": OneHot(settings.capacity, settings.one_hot),
        "language": Text(),
        "image": GoalImage(*picture),
        "index": Sinusoid(settings.index),
    }
    return GoalBook([kinds[name] for name in names])


def make_actor(
    settings: DistilSettings,
    seed: int,
    form: Form,
    frame_stack: int,
    book: GoalBook,
    data: Sequence[RelabelledData] = (),
) -> UnifiedActor:
    """Return an untrained policy, drawn from `seed`; without `data`, one to load weights into.

    It sees `frame_stack` pictures at once where `form` has some, else states.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder: nn.Module
        if form.image:
            channels = 3 * frame_stack
            encoder = PictureEncoder(channels, form.image, settings.features, settings.strides)
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
    alone = PictureEncoder(3, (rows, columns), settings.features, settings.strides)
    return PictureGoal(alone, 1, settings.goal_features)


def _spread(data: Sequence[RelabelledData], size: int) -> tuple[Tensor, Tensor]:
    """Return the mean state, and by what to divide each number: all tasks weigh the same."""
    if not data:
        return torch.zeros(size), torch.ones(size)
    states = [one.parts["state"] for one in data]
    mean = torch.stack([some.mean(dim=0) for some in states]).mean(dim=0)
    squares = torch.stack([((some - mean) ** 2).mean(dim=0) for some in states])
    return mean, squares.mean(dim=0).sqrt().clamp(min=LEAST_SPREAD)
