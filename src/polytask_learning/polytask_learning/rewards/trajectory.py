"""The reward of an episode for following demonstrations, on a scale that its first one sets."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.match import Match, Matcher, best_match
from polytask_learning.rewards.settings import RewardSettings


class TrajectoryReward:
    """Rewards episodes for matching demonstrations, and keeps the scale from one to the next."""

    def __init__(self, settings: RewardSettings | None = None, match: Matcher = best_match) -> None:
        """Reward as `settings` say, by default as the paper's; no scale is set yet."""
        self.settings = settings or RewardSettings()
        self._match = match
        self._scale: float | None = None

    @property
    def scale(self) -> float:
        """What equation 5 is multiplied by: 1 until the first episode has set it."""
        return 1.0 if self._scale is None else self._scale

    def __call__(self, episode: Tensor, demonstrations: Sequence[Tensor]) -> Match:
        """Return the rewards of `episode` (T, D) for matching the best of `demonstrations`.

        The first episode sets the scale, such that its rewards sum to `settings.first_total`; one
        that equals a demonstration sets none, as nothing could scale it.
        Raise InvalidFeatures as `best_match` does.
        """
        match = self._match(episode, demonstrations, self.settings)
        total = self.settings.first_total
        least = torch.finfo(episode.dtype).eps * len(episode)
        if self._scale is None and total is not None and match.distance > least:
            self._scale = -total / match.distance
        return match._replace(rewards=match.rewards * self.scale, scale=self.scale)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what to save: `scale`, float64, once it is set."""
        if self._scale is None:
            return {}
        return {"scale": torch.tensor(self._scale, dtype=torch.float64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with a saved scale, or without one; raise InvalidFeatures for anything else."""
        if not set(state) <= {"scale"}:
            found = ", ".join(sorted(state))
            raise InvalidFeatures(f"the state of the reward has {found}; valid: scale, or nothing")
        scale = state["scale"].item() if state else None
        if scale is not None and not 0 < scale < float("inf"):
            raise InvalidFeatures(f"the saved scale is {scale}; valid: above 0 and finite")
        self._scale = scale
