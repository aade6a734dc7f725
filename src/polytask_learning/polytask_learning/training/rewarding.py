"""What an episode is rewarded by while its task is learnt: the environment, or a demonstration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from polytask_contract.episodes.episode import Episode
from polytask_learning.compute import ComputeSettings
from polytask_learning.rewards.feature_target import FeatureTarget
from polytask_learning.rewards.match import Matcher, best_match
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.rewards.trajectory import TrajectoryReward
from polytask_learning.training.acting import seen_in

# An episode that matches better than so great a share of the latest ones is imitated.
BETTER_THAN, LATEST = 0.8, 30


class Rewarding(Protocol):
    """Gives episodes the rewards that an expert learns from."""

    def demonstrated(self, episode: Episode) -> Episode:
        """Return a demonstration with its rewards."""

    def practised(self, episode: Episode) -> Episode:
        """Return an episode of the learner's own with its rewards."""

    def refresh(self) -> None:
        """Take up what imitation has made of the encoder."""

    def is_worth_imitating(self, practised: Episode) -> bool:
        """Tell whether an own episode, asked about once and in its turn, is as good as shown."""

    def state_dict(self) -> dict[str, Any]:
        """Return what later rewards depend on."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


class EnvironmentRewards:
    """The environment's own, in units of the best demonstrated step.

    Tasks differ in what their rewards are worth; so one setting of the learner does for all.
    """

    def __init__(self, demonstrations: Sequence[Episode]) -> None:
        """Find the best step in `demonstrations`; without any, the scale is left."""
        best = max((float(one.rewards.max()) for one in demonstrations), default=0.0)
        self._scale = 1.0 / best if best > 0 else 1.0

    def demonstrated(self, episode: Episode) -> Episode:
        """Return `episode` with scaled rewards."""
        return replace(episode, rewards=self._scale * episode.rewards)

    practised = demonstrated

    def refresh(self) -> None:
        """Do nothing: the environment looks at no encoder."""

    def is_worth_imitating(self, practised: Episode) -> bool:
        """Tell whether the episode was a success, by the paper's rule."""
        return practised.verdicts["held"]

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: the demonstrations say it all."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take nothing up."""


class MatchingRewards:
    """What matching the demonstrations earns, whatever the environment's rewards are.

    See docs/algorithms/ot_reward.md.
    """

    def __init__(
        self,
        demonstrations: Sequence[Episode],
        encoder: nn.Module,
        frame_stack: int,
        settings: RewardSettings | None = None,
        compute: ComputeSettings | None = None,
        match: Matcher = best_match,
    ) -> None:
        """Match what `encoder` makes of pictures, or of states where `frame_stack` is 0.

        It computes as `compute` says, where it has been placed; `match` compares.
        """
        self._shown = [seen_in(one, frame_stack) for one in demonstrations]
        self._frame_stack, self._compute = frame_stack, compute or ComputeSettings()
        # States would lose the digits that tell near places apart.
        half = frame_stack and self._compute.precision == "bfloat16"
        self._target = FeatureTarget(encoder, dtype=torch.bfloat16 if half else torch.float32)
        self._reward = TrajectoryReward(settings, match)
        # Of the demonstrations, until the encoder's copy changes.
        self._features: list[Tensor] | None = None
        self._totals: list[float] = []

    def demonstrated(self, episode: Episode) -> Episode:
        """Return a demonstration, which matches itself: nothing is taken off."""
        return replace(episode, rewards=np.zeros(len(episode)))

    def practised(self, episode: Episode) -> Episode:
        """Return `episode` with the share of the distance that each action's outcome has."""
        if self._features is None:
            self._features = [self._seen(shown) for shown in self._shown]
        match = self._reward(self._seen(seen_in(episode, self._frame_stack)), self._features)
        if self._target.advance(len(episode)):
            self._features = None
        return replace(episode, rewards=match.rewards[1:].double().cpu().numpy())

    def is_worth_imitating(self, practised: Episode) -> bool:
        """Tell whether it matches better than most of the latest episodes did."""
        total = float(practised.rewards.sum())
        better = sum(total > other for other in self._totals)
        worth = better >= BETTER_THAN * LATEST
        self._totals = [*self._totals, total][-LATEST:]
        return worth

    def _seen(self, observations: Tensor) -> Tensor:
        return self._target(observations.to(self._compute.device)).float()

    def refresh(self) -> None:
        """Take over the encoder's weights."""
        self._target.refresh()
        self._features = None

    def state_dict(self) -> dict[str, Any]:
        """Return the scale, the encoder's copy and how old it is."""
        return {
            "reward": self._reward.state_dict(),
            "target": self._target.state_dict(),
            "totals": self._totals,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._reward.load_state_dict(state["reward"])
        self._target.load_state_dict(state["target"])
        self._features = None
        self._totals = list(state["totals"])
