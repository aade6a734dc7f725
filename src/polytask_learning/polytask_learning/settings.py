"""What an expert is trained with; the presets `paper` and `fast`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from polytask_contract.errors import PolyTaskError

Kind = TypeVar("Kind")


class InvalidSetting(PolyTaskError):
    """A setting lies outside of what it can be; the message names both."""


@dataclass(frozen=True)
class ExpertSettings:
    """The numbers of one expert's training.

    Practice begins with `first_steps` actions that nothing is learnt from yet; then there are
    `updates_per_step` for each action.
    `imitation` weighs the imitation term against the value term; `demonstrated` is the share of
    each batch that demonstrations take; `critic_first` is the number of updates that train the
    critic alone, as an actor that follows a random critic forgets what it has imitated.
    `own_successes` is the share among the demonstrations of each batch that the expert's own
    successful episodes take, once there are some. `average_rate` is how fast the policy that is
    judged and kept follows the one that learns; 1 makes them one. `strides` are those of the
    convolutions that see pictures. `frame_stack` is how many
    pictures are seen at once, where pictures are seen. `state_noise` is added to states that are
    imitated, in their units: what is done at a place is right near it, too. Where nothing is
    demonstrated, `measured` states are scaled by how they were spread in the first steps.
    """

    hidden: tuple[int, ...] = (128, 128)
    critic_hidden: tuple[int, ...] = (128, 128)
    features: int = 512
    strides: tuple[int, ...] = (2, 2, 1, 1)
    layer_norm: bool = True
    action_copies: int = 1
    learning_rate: float = 3e-4
    batch: int = 128
    demonstrated: float = 0.25
    own_successes: float = 0.75
    average_rate: float = 0.002
    frame_stack: int = 3
    n_step: int = 3
    discount: float = 0.97
    target_rate: float = 0.01
    exploration: float = 0.2
    noise_bound: float = 0.3
    value: float = 1.0
    imitation: float = 0.06
    normalise_value: bool = True
    state_noise: float = 0.0
    measured: bool = False
    first_steps: int = 500
    updates_per_step: int = 1
    critic_first: int = 1000
    imitation_updates: int = 1500

    def __post_init__(self) -> None:
        """Refuse settings that no training can use."""
        check_setting(
            "hidden", self.hidden, all(width > 0 for width in self.hidden), "widths above 0"
        )
        positive = ("features", "action_copies", "learning_rate", "batch", "n_step", "frame_stack")
        for name in (*positive, "updates_per_step"):
            check_setting(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        for name in ("demonstrated", "own_successes", "average_rate", "discount", "target_rate"):
            check_setting(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "0 to 1")
        sizes = ("exploration", "noise_bound", "value", "imitation", "state_noise")
        for name in (*sizes, "first_steps", "critic_first", "imitation_updates"):
            check_setting(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")


def restored(kind: type[Kind], saved: Mapping[str, Any]) -> Kind:
    """Return the settings of a manifest; raise TypeError for what no settings of ours are."""
    # JSON has no tuples.
    tuples = {name: tuple(value) for name, value in saved.items() if isinstance(value, list)}
    return kind(**{**saved, **tuples})


def check_setting(name: str, value: object, holds: bool, valid: str) -> None:
    """Raise InvalidSetting about the `value` of `name` unless it `holds`; `valid` says what is."""
    if not holds:
        raise InvalidSetting(f"{name} is {value}; valid: {valid}")


# Tables IV and VI of the paper and its published configuration: a DrQ-v2 of 1024 wide layers, with
# lambda = 0.25 and alpha = 0.3 in equation 1.
LAMBDA, ALPHA = 0.25, 0.3
PRESETS: Mapping[str, ExpertSettings] = {
    "fast": ExpertSettings(),
    "paper": ExpertSettings(
        hidden=(1024, 1024, 1024, 1024),
        critic_hidden=(1024, 1024),
        strides=(2, 1, 1, 1),
        layer_norm=False,
        action_copies=50,
        learning_rate=1e-4,
        batch=256,
        exploration=0.1,
        demonstrated=0.0,
        own_successes=0.0,
        average_rate=1.0,
        value=1 - LAMBDA,
        imitation=LAMBDA * ALPHA,
        normalise_value=False,
        discount=0.99,
        first_steps=6000,
        critic_first=0,
    ),
}

# What the paper's configuration sets for a whole suite, whatever the preset.
FOR_SUITES: Mapping[str, Mapping[str, float]] = {
    "kitchen": {"n_step": 1, "frame_stack": 1},
    "xarm": {"n_step": 1, "frame_stack": 1},
}
# A return that solves a task, in a suite whose measure it is: who starts from rest does not come to
# 1000.
ENOUGH: Mapping[str, float] = {"dmc": 800.0}
# The return that counts as a whole task, in such a suite (paper, III-A).
FULL_RETURN: Mapping[str, float] = {"dmc": 1000.0}
# What `fast` wants otherwise where states are in other units, or steps are dear. In Meta-World the
# noise is 2 cm on the ways between things, and so much on their places that an expert goes by the
# ways. A step of the xArm takes as long as a hundred updates. A
# cheetah shows its reward late, and nobody shows it how to run.
FAST_FOR_SUITES: Mapping[str, Mapping[str, Any]] = {
    "metaworld": {"state_noise": 0.2},
    "metaworld_all": {"state_noise": 0.2},
    "kitchen": {"state_noise": 0.05},
    "xarm": {"state_noise": 0.1, "updates_per_step": 3},
    "dmc": {
        "hidden": (256, 256),
        "critic_hidden": (256, 256),
        "learning_rate": 1e-3,
        "batch": 256,
        "discount": 0.99,
        "exploration": 0.3,
        "first_steps": 2000,
        "critic_first": 0,
        "measured": True,
    },
}


@dataclass(frozen=True)
class TeachingSettings:
    """What a run keeps for a unified policy to learn from.

    Of what was practised and played `keep` steps at most; half of them at most are of `played`
    episodes, which the expert plays by itself.
    """

    keep: int = 30_000
    played: int = 20


# An episode of a cheetah has 500 steps, and where its expert once stumbles the policy has little to
# learn to get up from.
TEACHING_FOR_SUITES: Mapping[str, TeachingSettings] = {
    "dmc": TeachingSettings(keep=120_000, played=60)
}


def teaching_in(suite: str) -> TeachingSettings:
    """Return what runs of `suite` keep unless something else is asked for."""
    return TEACHING_FOR_SUITES.get(suite, TeachingSettings())
