"""The target feature processor: features that stand still while their network learns."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.settings import InvalidSetting

PERIOD = 20_000


class FeatureTarget:
    """A frozen copy of a module, which takes over the module's weights every `period` steps.

    Without it, the same episode would earn something else after each update of the encoder.
    `nn.Identity()` will do where observations are features already.
    """

    def __init__(
        self, source: nn.Module, period: int = PERIOD, dtype: torch.dtype = torch.float32
    ) -> None:
        """Copy `source`, to be followed every `period` environment steps, at least 1.

        The copy's weights are of `dtype`: converted once, and not at every call.
        """
        if period < 1:
            raise InvalidSetting(f"the period is {period}; valid: at least 1")
        self.period = period
        self._source = source
        self._copy = copy.deepcopy(source).to(dtype).eval()
        self._step = 0

    @torch.no_grad()
    def __call__(self, observations: Tensor) -> Tensor:
        """Return the features of `observations`, in evaluation mode and without gradients."""
        features: Tensor = self._copy(observations)
        return features

    def advance(self, steps: int = 1) -> bool:
        """Count `steps` more; take over the weights and return True if a period ended in them.

        Periods count from step 0, however many steps are counted at a time.
        """
        if steps < 0:
            raise InvalidSetting(f"{steps} steps were taken; valid: at least 0")
        before, self._step = self._step, self._step + steps
        if self._step // self.period == before // self.period:
            return False
        self.refresh()
        return True

    def refresh(self) -> None:
        """Take over the weights now, as after loading a pretrained module."""
        self._copy.load_state_dict(self._source.state_dict())

    def state_dict(self) -> dict[str, Tensor]:
        """Return what to save: the count `step` and the copy's own weights, as `copy.NAME`."""
        weights = {f"copy.{name}": value for name, value in self._copy.state_dict().items()}
        return {"step": torch.tensor(self._step), **weights}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved state; raise InvalidFeatures unless it is of such a module."""
        wanted = self.state_dict()
        if {n: v.shape for n, v in state.items()} != {n: v.shape for n, v in wanted.items()}:
            found, valid = _described(state), _described(wanted)
            raise InvalidFeatures(f"the saved features have {found}; valid: {valid}")
        self._step = int(state["step"])
        weights = {n.removeprefix("copy."): v for n, v in state.items() if n != "step"}
        self._copy.load_state_dict(weights)


def _described(state: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} {tuple(value.shape)}" for name, value in state.items()) or "nothing"
