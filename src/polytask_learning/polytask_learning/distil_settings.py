"""What a unified policy is distilled with; the presets `paper` and `fast`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polytask_learning.settings import check_setting

# What `losses.distillation_losses` can count, and in what.
DISTANCES = {"squared": "squared error", "entropy": "nat"}


@dataclass(frozen=True)
class DistilSettings:
    """The numbers of a distillation.

    `capacity` is how many tasks one-hot goals can tell apart, and `one_hot` how many numbers such
    a goal has: both stay as they are when tasks join, as the size of the policy does. `index` is
    the size of index goals. Where `goal_features` is 0, goals go to the policy as they are, which
    fits one modality; otherwise each modality has a layer that makes as many features of a goal.
    A batch has rows of `tasks_per_batch` tasks, as many of each, which are drawn anew for each
    batch where there are more. `distance` is what an action costs that is not the expert's: the
    square of the difference, or the relative entropy of coins with these means. `decay` lets the
    learning rate fall to 0 along a cosine, and `state_noise` is added to states that are learnt
    from. Of a task's rows `played_share` are of episodes that its expert has played by itself.
    There are `updates` for the first tasks and `added_updates` for each that joins later, from the
    policy as it was if `warm`, and otherwise from the beginning, as often as for the first.
    """

    hidden: tuple[int, ...] = (256, 256)
    layer_norm: bool = True
    features: int = 512
    strides: tuple[int, ...] = (2, 2, 1, 1)
    goal_features: int = 128
    capacity: int = 64
    one_hot: int = 64
    index: int = 64
    distance: str = "squared"
    learning_rate: float = 1e-3
    decay: bool = True
    state_noise: float = 0.0
    played_share: float = 0.5
    batch: int = 256
    tasks_per_batch: int = 16
    updates: int = 20_000
    added_updates: int = 5_000
    warm: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that no training can use."""
        check_setting("hidden", self.hidden, all(width > 0 for width in self.hidden), "above 0")
        for name in ("features", "capacity", "learning_rate", "batch", "updates", "added_updates"):
            check_setting(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        check_setting("distance", self.distance, self.distance in DISTANCES, ", ".join(DISTANCES))
        for name in ("goal_features", "state_noise"):
            check_setting(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        fits = 0 <= self.played_share <= 1
        check_setting("played_share", self.played_share, fits, "0 to 1")
        fits = 0 < self.tasks_per_batch <= self.batch
        check_setting("tasks_per_batch", self.tasks_per_batch, fits, f"1 to {self.batch}")
        fits = self.one_hot >= self.capacity
        check_setting("one_hot", self.one_hot, fits, f"at least {self.capacity}, the capacity")
        even = self.index >= 2 and self.index % 2 == 0
        check_setting("index", self.index, even, "2, 4, 6, …")


# Table V of the paper and its published configuration, in which a one-hot goal is repeated to 512
# numbers and a policy of Meta-World is distilled by 200,010 updates.
DISTIL_PRESETS: Mapping[str, DistilSettings] = {
    "fast": DistilSettings(distance="entropy"),
    "paper": DistilSettings(
        hidden=(1024, 1024, 1024, 1024),
        strides=(2, 1, 1, 1),
        layer_norm=False,
        goal_features=0,
        one_hot=512,
        index=512,
        learning_rate=5e-5,
        decay=False,
        played_share=0.0,
        batch=256,
        tasks_per_batch=1,
        updates=200_010,
        added_updates=200_010,
        warm=False,
    ),
}

# What `fast` wants otherwise in a suite. In the kitchen a knob is turned by millimetres, and all
# episodes begin nearly alike: a policy is right when it goes exactly where its experts go. To a
# cheetah all that its policy does otherwise costs speed, for a whole episode.
DISTIL_FAST_FOR_SUITES: Mapping[str, Mapping[str, Any]] = {
    "kitchen": {"state_noise": 0.02, "played_share": 0.9, "added_updates": 15_000},
    "dmc": {
        "hidden": (512, 512),
        "learning_rate": 5e-4,
        "updates": 180_000,
        "added_updates": 45_000,
    },
}
