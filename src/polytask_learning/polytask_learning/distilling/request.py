"""What a unified policy is asked for, for as long as it lives."""

import math
from dataclasses import dataclass, replace
from typing import Any

from polytask_contract.errors import UnknownName
from polytask_learning.distil_settings import (
    DISTIL_FAST_FOR_SUITES,
    DISTIL_PRESETS,
    DistilSettings,
)
from polytask_learning.settings import InvalidSetting, check_setting
from polytask_learning.training.request import OBSERVATIONS

# As `polytask distill --goal` calls the modalities, in the order of the messages' constants.
MODALITIES = ("onehot", "language", "image", "index")


@dataclass(frozen=True)
class DistilRequest:
    """What it sees, the goals that it takes, and how it is trained; its tasks may become more.

    `observations` is one of OBSERVATIONS, `goals` are some of MODALITIES, `preset` one of
    DISTIL_PRESETS; raise UnknownName for anything else. `hidden` are the widths of its layers,
    and `updates` what it is trained with at first, the preset's if empty or 0. The learning rate
    is as many times below the preset's as the layers are wider. `keep` is how many steps of a task
    are kept at most, all that its run has kept if 0. `surgery` frees gradients of what opposes
    other tasks'.
    """

    observations: str = "state"
    goals: tuple[str, ...] = ("onehot",)
    preset: str = "fast"
    hidden: tuple[int, ...] = ()
    updates: int = 0
    keep: int = 0
    surgery: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what there is not, and goals that the preset cannot take together."""
        for kind, names, valid in (
            ("observation", (self.observations,), OBSERVATIONS),
            ("preset", (self.preset,), tuple(DISTIL_PRESETS)),
            ("modality", self.goals, MODALITIES),
        ):
            for name in names:
                if name not in valid:
                    raise UnknownName(kind, name, valid)
        named = ", ".join(self.goals) or "none"
        if not self.goals or len(set(self.goals)) < len(self.goals):
            raise InvalidSetting(f"goals are {named}; valid: one or more, each once")
        if len(self.goals) > 1 and not self.settings.goal_features:
            raise InvalidSetting(f"goals are {named}; valid with the preset {self.preset}: one")
        for name in ("keep", "updates"):
            check_setting(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")

    @property
    def settings(self) -> DistilSettings:
        """The preset, with the widths and updates asked for.

        Tasks that join get as large a share of these updates as of the preset's.
        """
        return self.settings_in("")

    def settings_in(self, suite: str) -> DistilSettings:
        """Return the settings, with what `suite` wants otherwise."""
        changes: dict[str, Any] = {}
        if self.preset == "fast":
            changes |= DISTIL_FAST_FOR_SUITES.get(suite, {})
        settings = replace(DISTIL_PRESETS[self.preset], **changes)
        if self.hidden:
            presets = max(settings.hidden)
            settings = replace(settings, hidden=self.hidden)
            # The wider a layer, the more a step of Adam's changes what comes out of it.
            rate = settings.learning_rate * min(1.0, presets / max(self.hidden))
            settings = replace(settings, learning_rate=rate)
        if self.updates:
            added = math.ceil(self.updates * settings.added_updates / settings.updates)
            settings = replace(settings, updates=self.updates, added_updates=added)
        return settings
