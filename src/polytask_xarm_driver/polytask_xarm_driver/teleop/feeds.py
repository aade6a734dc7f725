"""Where the values of an action come from."""

from dataclasses import dataclass

from polytask_xarm_driver.teleop.sample import Sample
from polytask_xarm_driver.teleop.switch import Switch


@dataclass(frozen=True)
class StickFeed:
    """An axis; `scale`, within [-1, 1] and not 0, is the value at its end when the speed is 1."""

    axis: int
    scale: float

    def deflection(self, sample: Sample) -> float:
        """Return how far from its middle the axis is, within [-1, 1]."""
        return min(max(sample.axes[self.axis], -1.0), 1.0)

    def value(self, sample: Sample, speed: float) -> float:
        """Return the action's value within [-1, 1]; `speed` is above 0 and at most 1."""
        return self.deflection(sample) * self.scale * speed


@dataclass(frozen=True)
class SwitchFeed:
    """A switch for 1 and one for -1; with neither held, or both, the value is 0."""

    plus: Switch
    minus: Switch

    def deflection(self, sample: Sample) -> float:
        """Return 1 for the one, -1 for the other, else 0."""
        return float(self.plus.held(sample) - self.minus.held(sample))

    def value(self, sample: Sample, speed: float) -> float:
        """Return the action's value: -1, 0 or 1, whatever the speed."""
        del speed
        return self.deflection(sample)


Feed = StickFeed | SwitchFeed
