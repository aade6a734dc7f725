"""What a run is asked for."""

from dataclasses import dataclass, replace
from typing import Any

from polytask_contract.errors import UnknownName
from polytask_contract.specification import Observations
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.settings import (
    FAST_FOR_SUITES,
    FOR_SUITES,
    PRESETS,
    ExpertSettings,
    InvalidSetting,
    check_setting,
)

# The pictures that a policy sees, as the paper's: rows, columns.
PICTURE = (84, 84)
# A few hundredths of what is typically between two states.
STATE_EPSILON = 0.05
OBSERVATIONS, REWARDS = ("state", "pixels"), ("env", "ot")


@dataclass(frozen=True)
class Request:
    """A task, what it is learnt from, and for how long; a run folder belongs to one of these.

    `observations` is one of OBSERVATIONS, `reward` one of REWARDS, `preset` one of PRESETS; raise
    UnknownName for anything else. Without `demonstrations` practice begins at random, and there is
    nothing to match: raise InvalidSetting for that. `steps` are actions at most; every
    `evaluate_every` of them the policy is judged in `evaluation_episodes`. With `pictures` those of
    practice are kept, also where the policy sees states: it may then teach another one that sees
    pictures. `hidden` are the widths of the policy's layers, the preset's if empty; `start` is the
    SHA-256 of what it begins as, where that is not at random.
    """

    suite: str
    task: str
    demonstrations: int = 1
    observations: str = "state"
    reward: str = "env"
    preset: str = "fast"
    steps: int = 25_000
    seed: int = 0
    evaluate_every: int = 2500
    evaluation_episodes: int = 20
    pictures: bool = False
    hidden: tuple[int, ...] = ()
    start: str = ""

    def __post_init__(self) -> None:
        """Refuse names that there are not."""
        for kind, name, valid in (
            ("observation", self.observations, OBSERVATIONS),
            ("reward", self.reward, REWARDS),
            ("preset", self.preset, PRESETS),
        ):
            if name not in valid:
                raise UnknownName(kind, name, tuple(valid))
        if self.demonstrations < (least := int(self.reward == "ot")):
            found = f"demonstrations is {self.demonstrations}"
            raise InvalidSetting(f"{found} with the reward {self.reward}; valid: at least {least}")
        for name in ("steps", "evaluate_every", "evaluation_episodes"):
            value = getattr(self, name)
            check_setting(name, value, value > 0, "at least 1")

    @property
    def settings(self) -> ExpertSettings:
        """The preset, with what the suite wants otherwise, and the widths asked for."""
        changes: dict[str, Any] = dict(FOR_SUITES.get(self.suite, {}))
        if self.preset == "fast":
            changes |= FAST_FOR_SUITES.get(self.suite, {})
        if self.hidden:
            changes["hidden"] = self.hidden
        return replace(PRESETS[self.preset], **changes)

    @property
    def frame_stack(self) -> int:
        """How many pictures the policy sees at once; 0 for states."""
        return self.settings.frame_stack if self.observations == "pixels" else 0

    @property
    def kept_frames(self) -> int:
        """How many pictures one who learns from this is to see at once; 0 if none are kept."""
        pictured = self.pictures or self.observations == "pixels"
        return self.settings.frame_stack if pictured else 0

    @property
    def matching(self) -> RewardSettings:
        """How episodes are matched: as in the paper, or by the distance between states.

        The angle between two states says little: it forgets how far away a thing is.
        """
        if self.observations == "pixels":
            return RewardSettings()
        return RewardSettings("sinkhorn_euclidean", epsilon=STATE_EPSILON)

    @property
    def practised_with(self) -> Observations:
        """What an environment of the suite is to observe while this practises."""
        return Observations(image=PICTURE if self.kept_frames else None)

    @property
    def looked_at(self) -> Observations:
        """What its policy needs to see; pictures that nobody looks at only take time."""
        return Observations(image=PICTURE if self.frame_stack else None)
