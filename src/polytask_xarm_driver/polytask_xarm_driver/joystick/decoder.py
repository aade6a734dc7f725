"""From the kernel's events to axes and buttons, numbered and signed as ROS's `joy_node` does."""

from collections.abc import Callable, Collection, Mapping

from evdev import ecodes

from polytask_xarm_driver.joystick.source import Event, Range

HATS = range(ecodes.ABS_HAT0X, ecodes.ABS_HAT3Y + 1)


class Decoder:
    """How a pad stands, by the events that were fed so far.

    Axes are within [-1, 1], left and ahead positive, so a trigger rests at 1 and is -1 when fully
    drawn; first come the sticks and triggers by code, then two for each cross. Within `deadzone`
    of its middle an axis is 0, and it grows from there without a step. Buttons are 0 or 1: those
    of joysticks and gamepads by code, then any lesser ones.
    """

    def __init__(
        self, buttons: Collection[int], axes: Mapping[int, Range], deadzone: float
    ) -> None:
        """Give the parts of a pad that has these codes their numbers; everything is at rest."""
        ordered = sorted(buttons, key=lambda code: (code < ecodes.BTN_JOYSTICK, code))
        self._button_places = {code: place for place, code in enumerate(ordered)}
        sticks = sorted(code for code in axes if code not in HATS)
        # A cross has two axes in the message, also where the pad itself has but one.
        crosses = sorted({code & ~1 for code in axes if code in HATS})
        ordered = [*sticks, *(code for cross in crosses for code in (cross, cross + 1))]
        self._axis_places = {code: place for place, code in enumerate(ordered)}
        self._ranges = dict(axes)
        self._deadzone = deadzone
        self._overrun = False
        self.buttons = [0] * len(self._button_places)
        self.axes = [0.0] * len(self._axis_places)

    def feed(
        self,
        event: Event,
        pressed: Callable[[], Collection[int]],
        positions: Callable[[], Mapping[int, int]],
    ) -> None:
        """Take note of an event.

        When the kernel says that events were lost, what follows is passed over up to the end of
        its report, and then `pressed` and `positions` are asked how the pad stands: the lost event
        may have been that a button was let go.
        """
        if event.type == ecodes.EV_SYN:
            if event.code == ecodes.SYN_DROPPED:
                self._overrun = True
            elif event.code == ecodes.SYN_REPORT and self._overrun:
                self._overrun = False
                self.restore(pressed(), positions())
        elif self._overrun:
            return
        elif event.type == ecodes.EV_KEY and event.code in self._button_places:
            self.buttons[self._button_places[event.code]] = int(event.value != 0)
        elif event.type == ecodes.EV_ABS and event.code in self._ranges:
            self.axes[self._axis_places[event.code]] = self._signed(event.code, event.value)

    def restore(self, pressed: Collection[int], positions: Mapping[int, int]) -> None:
        """Take over how the pad stands at this moment."""
        for code, place in self._button_places.items():
            self.buttons[place] = int(code in pressed)
        for code, value in positions.items():
            if code in self._ranges:
                self.axes[self._axis_places[code]] = self._signed(code, value)

    def _signed(self, code: int, value: int) -> float:
        if code in HATS:
            return float((value < 0) - (value > 0))
        low, high = self._ranges[code]
        if high <= low:
            return 0.0
        deflection = min(max(2.0 * (value - low) / (high - low) - 1.0, -1.0), 1.0)
        excess = abs(deflection) - self._deadzone
        if excess <= 0.0:
            return 0.0
        size = excess / (1.0 - self._deadzone)
        return -size if deflection > 0.0 else size
