"""The features of several demonstrations in one tensor, checked against those of an episode."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from polytask_learning.rewards.errors import InvalidFeatures


class Padded(NamedTuple):
    """Demonstrations of different lengths, the shorter ones filled up with zeros.

    `values` is (K, T', D); `mask` (K, T') is false where it was filled up.
    """

    values: Tensor
    mask: Tensor


def pad(episode: Tensor, demonstrations: Sequence[Tensor]) -> Padded:
    """Return the K `demonstrations` (T_k, D) as one, to be compared with `episode` (T, D).

    Raise InvalidFeatures where there is none, one is empty, not finite, or unlike the episode in
    size, type or device; the types are float32 and float64.
    """
    if not demonstrations:
        raise InvalidFeatures("there are 0 demonstrations; valid: 1 or more")
    _check("the episode", episode, episode)
    for index, demonstration in enumerate(demonstrations):
        _check(f"demonstration {index}", demonstration, episode)
    lengths = torch.tensor([len(demonstration) for demonstration in demonstrations])
    values = pad_sequence(list(demonstrations), batch_first=True)
    mask = torch.arange(values.shape[1]) < lengths[:, None]
    return Padded(values, mask.to(values.device))


def _check(whose: str, features: Tensor, like: Tensor) -> None:
    if features.dtype not in (torch.float32, torch.float64) or features.dtype != like.dtype:
        valid = "float32, float64" if features is like else like.dtype
        raise InvalidFeatures(f"the features of {whose} are {features.dtype}; valid: {valid}")
    if features.device != like.device:
        found = f"the features of {whose} are on {features.device}"
        raise InvalidFeatures(f"{found}; valid: {like.device}")
    size = like.shape[-1] if like.ndim == 2 else "D"
    if features.ndim != 2 or features.shape[-1] != size or not features.numel():
        found = f"the features of {whose} are {tuple(features.shape)}"
        raise InvalidFeatures(f"{found}; valid: (steps, {size}), neither of them 0")
    finite = features.isfinite()
    if not finite.all():
        place = (~finite).nonzero()[0].tolist()
        value = features[tuple(place)].item()
        raise InvalidFeatures(f"feature {place} of {whose} is {value}; valid: finite")
