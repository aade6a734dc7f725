"""By what means a run is carried out, none of which changes what it learns."""

from dataclasses import dataclass, field

from polytask_learning.compute import ComputeSettings
from polytask_learning.rewards.match import Matcher, best_match
from polytask_learning.training.watch import Unwatched, Watch


@dataclass(frozen=True)
class Means:
    """What computes, who looks on, who matches episodes, and how much a kill may cost.

    A checkpoint is written after so many episodes, and after each evaluation.
    """

    compute: ComputeSettings = field(default_factory=ComputeSettings)
    watch: Watch = field(default_factory=Unwatched)
    match: Matcher = best_match
    episodes_per_checkpoint: int = 5
