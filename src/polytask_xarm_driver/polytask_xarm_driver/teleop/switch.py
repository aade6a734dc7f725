"""Something that is held or not."""

from dataclasses import dataclass

from polytask_xarm_driver.teleop.sample import Sample


@dataclass(frozen=True)
class Switch:
    """A button, or an axis that counts as one: a trigger, or a side of a cross.

    `place` is the button's number, or the axis's where there is a limit `beyond`: such an axis is
    held while it is as far from 0 as the limit or farther, on the limit's side.
    """

    place: int
    beyond: float | None = None

    def __str__(self) -> str:
        """Return what it is, for a person."""
        if self.beyond is None:
            return f"button {self.place}"
        return f"axis {self.place} beyond {self.beyond:g}"

    def held(self, sample: Sample) -> bool:
        """Tell whether it is held."""
        if self.beyond is None:
            return bool(sample.buttons[self.place])
        value = sample.axes[self.place]
        return value <= self.beyond if self.beyond < 0 else value >= self.beyond
