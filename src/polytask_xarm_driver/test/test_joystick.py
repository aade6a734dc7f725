"""A gamepad's events become what ROS's joy_node says; an unplugged pad says nothing."""

import errno
import itertools

import pytest
from evdev import AbsInfo, InputEvent, ecodes
from hypothesis import given
from hypothesis import strategies as st

from polytask_xarm_driver.joystick import evdev_source
from polytask_xarm_driver.joystick.decoder import Decoder
from polytask_xarm_driver.joystick.evdev_source import EvdevSource, open_gamepad
from polytask_xarm_driver.joystick.gamepad import SEARCH_PERIOD, Gamepad, Standing
from polytask_xarm_driver.joystick.source import NoGamepad, Range

DEADZONE = 0.05
STICK, TRIGGER = AbsInfo(0, -32768, 32767, 16, 128, 0), AbsInfo(0, 0, 255, 0, 0, 0)
CROSS = AbsInfo(0, -1, 1, 0, 0, 0)
# What xpad says of an Xbox pad: eleven buttons, two sticks, two triggers, a cross.
XBOX_BUTTONS = [
    *(ecodes.BTN_SOUTH, ecodes.BTN_EAST, ecodes.BTN_NORTH, ecodes.BTN_WEST),
    *(ecodes.BTN_TL, ecodes.BTN_TR, ecodes.BTN_SELECT, ecodes.BTN_START),
    *(ecodes.BTN_MODE, ecodes.BTN_THUMBL, ecodes.BTN_THUMBR),
]
XBOX_AXES = {
    ecodes.ABS_X: STICK,
    ecodes.ABS_Y: STICK,
    ecodes.ABS_Z: TRIGGER,
    ecodes.ABS_RX: STICK,
    ecodes.ABS_RY: STICK,
    ecodes.ABS_RZ: TRIGGER,
    ecodes.ABS_HAT0X: CROSS,
    ecodes.ABS_HAT0Y: CROSS,
}


def event(kind, code, value):
    return InputEvent(0, 0, kind, code, value)


END = event(ecodes.EV_SYN, ecodes.SYN_REPORT, 0)


class Device:
    """What evdev's InputDevice offers, without a device."""

    def __init__(self, name="Pad", buttons=XBOX_BUTTONS, axes=XBOX_AXES, path="/dev/input/event9"):
        self.name, self.path = name, path
        self._buttons, self._axes = list(buttons), dict(axes)
        self.held, self.events = set(), []
        self.values = {code: about.value for code, about in self._axes.items()}
        self.unplugged = self.closed = False

    def capabilities(self):
        found = {ecodes.EV_SYN: [0, 1, 3], ecodes.EV_KEY: self._buttons}
        return found | ({ecodes.EV_ABS: list(self._axes.items())} if self._axes else {})

    def _check(self):
        if self.unplugged:
            raise OSError(errno.ENODEV, "No such device")

    def active_keys(self):
        self._check()
        return sorted(self.held)

    def absinfo(self, code):
        self._check()
        return self._axes[code]._replace(value=self.values[code])

    def read(self):
        # As evdev's, it fails only when the events are asked for.
        self._check()
        if not self.events:
            raise BlockingIOError(errno.EAGAIN, "nothing")
        events, self.events = self.events[:64], self.events[64:]
        yield from events

    def close(self):
        self.closed = True

    def happen(self, kind, code, value):
        self.events += [event(kind, code, value), END]
        if kind == ecodes.EV_KEY:
            (self.held.add if value else self.held.discard)(code)
        else:
            self.values[code] = value


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gamepad(device, clock):
    return Gamepad(lambda: EvdevSource(device), DEADZONE, rate=50.0, now=clock)


def decoder(buttons=XBOX_BUTTONS, axes=XBOX_AXES, deadzone=DEADZONE):
    return Decoder(buttons, {code: Range(a.min, a.max) for code, a in axes.items()}, deadzone)


def feed(decoder, *events, pressed=(), positions=None):
    for each in events:
        decoder.feed(each, lambda: pressed, lambda: positions or {})


# Numbers and signs: what docs.ros.org and every launch file of an Xbox pad take for granted.


@pytest.mark.parametrize(
    ("code", "value", "axis", "expected"),
    [
        (ecodes.ABS_X, -32768, 0, 1.0),
        (ecodes.ABS_X, 32767, 0, -1.0),
        (ecodes.ABS_Y, -32768, 1, 1.0),
        (ecodes.ABS_Z, 0, 2, 1.0),
        (ecodes.ABS_Z, 255, 2, -1.0),
        (ecodes.ABS_RX, -32768, 3, 1.0),
        (ecodes.ABS_RY, 32767, 4, -1.0),
        (ecodes.ABS_RZ, 255, 5, -1.0),
        (ecodes.ABS_HAT0X, -1, 6, 1.0),
        (ecodes.ABS_HAT0X, 1, 6, -1.0),
        (ecodes.ABS_HAT0Y, -1, 7, 1.0),
        (ecodes.ABS_HAT0Y, 0, 7, 0.0),
    ],
)
def test_left_and_ahead_are_positive_and_a_drawn_trigger_is_negative(code, value, axis, expected):
    pad = decoder()
    feed(pad, event(ecodes.EV_ABS, code, value))
    assert pad.axes[axis] == expected
    assert len(pad.axes) == 8


def test_buttons_are_numbered_by_code_and_the_lesser_ones_come_last():
    pad = decoder([ecodes.KEY_BACK, *reversed(XBOX_BUTTONS)])
    for number, code in enumerate([*XBOX_BUTTONS, ecodes.KEY_BACK]):
        feed(pad, event(ecodes.EV_KEY, code, 1))
        assert pad.buttons.index(1) == number
        feed(pad, event(ecodes.EV_KEY, code, 0))
    assert sum(pad.buttons) == 0


def test_a_button_that_is_repeated_by_the_kernel_is_held():
    pad = decoder()
    feed(pad, event(ecodes.EV_KEY, ecodes.BTN_TL, 1), event(ecodes.EV_KEY, ecodes.BTN_TL, 2))
    assert pad.buttons[4] == 1


def test_axes_beyond_the_crosses_come_before_them():
    pad = decoder(axes={ecodes.ABS_X: STICK, ecodes.ABS_HAT0Y: CROSS, ecodes.ABS_MISC: TRIGGER})
    feed(pad, event(ecodes.EV_ABS, ecodes.ABS_MISC, 255), event(ecodes.EV_ABS, ecodes.ABS_HAT0Y, 1))
    assert pad.axes == [0.0, -1.0, 0.0, -1.0]


@given(st.integers(-40000, 40000), st.integers(-40000, 40000), st.floats(0.0, 0.9))
def test_an_axis_stays_within_its_bounds_and_falls_as_the_pad_rises(first, second, deadzone):
    pad = decoder(deadzone=deadzone)
    seen = []
    for value in sorted((first, second)):
        feed(pad, event(ecodes.EV_ABS, ecodes.ABS_X, value))
        seen.append(pad.axes[0])
    assert -1.0 <= seen[1] <= seen[0] <= 1.0


@given(st.floats(0.0, 0.9), st.integers(-32768, 32767))
def test_the_dead_zone_is_still_and_ends_without_a_step(deadzone, value):
    pad = decoder(deadzone=deadzone)
    feed(pad, event(ecodes.EV_ABS, ecodes.ABS_X, value))
    deflection = abs(2 * (value + 32768) / 65535 - 1)
    excess = max(0.0, deflection - deadzone)
    assert abs(pad.axes[0]) == pytest.approx(excess / (1 - deadzone), abs=1e-9)


def test_an_axis_that_goes_nowhere_rests():
    pad = decoder(axes={ecodes.ABS_X: AbsInfo(0, 0, 0, 0, 0, 0)})
    feed(pad, event(ecodes.EV_ABS, ecodes.ABS_X, 7))
    assert pad.axes == [0.0]


def test_what_a_pad_has_not_is_passed_over():
    pad = decoder()
    feed(
        pad,
        event(ecodes.EV_KEY, ecodes.KEY_A, 1),
        event(ecodes.EV_ABS, ecodes.ABS_MISC, 9),
        event(ecodes.EV_MSC, ecodes.MSC_SCAN, 9),
    )
    assert sum(pad.buttons) == 0
    assert set(pad.axes) == {0.0}


def test_after_lost_events_the_pad_is_asked_so_that_no_button_stays_held():
    pad = decoder()
    dropped = event(ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)
    feed(pad, event(ecodes.EV_KEY, ecodes.BTN_TL, 1), END)
    # What comes up to the end of the report is a torn one.
    feed(pad, dropped, event(ecodes.EV_KEY, ecodes.BTN_TR, 1))
    assert pad.buttons[4:6] == [1, 0]
    feed(pad, END, pressed={ecodes.BTN_SOUTH}, positions={ecodes.ABS_Y: -32768})
    assert pad.buttons[:6] == [1, 0, 0, 0, 0, 0]
    assert pad.axes[1] == 1.0
    feed(pad, event(ecodes.EV_KEY, ecodes.BTN_TL, 1), END)
    assert pad.buttons[4] == 1


# From plug to unplug.


def test_the_first_thing_said_is_how_the_pad_stands(device, gamepad):
    device.happen(ecodes.EV_KEY, ecodes.BTN_TL, 1)
    device.events.clear()
    assert gamepad.poll().buttons[4] == 1
    assert gamepad.poll() is None
    assert (gamepad.name, gamepad.place, gamepad.problem) == ("Pad", "/dev/input/event9", "")


def test_what_happens_at_once_is_said_at_once(device, gamepad):
    gamepad.poll()
    device.happen(ecodes.EV_ABS, ecodes.ABS_X, -32768)
    device.happen(ecodes.EV_KEY, ecodes.BTN_SOUTH, 1)
    said = gamepad.poll()
    assert (said.axes[0], said.buttons[0]) == (1.0, 1)
    assert gamepad.poll() is None


def test_a_change_is_said_though_the_last_word_was_just_now(device, gamepad):
    gamepad.poll()
    device.happen(ecodes.EV_KEY, ecodes.BTN_TL, 1)
    assert gamepad.poll() is not None
    device.happen(ecodes.EV_KEY, ecodes.BTN_TL, 0)
    assert gamepad.poll() is not None


def test_what_does_not_change_is_repeated_at_the_rate(gamepad, clock):
    first = gamepad.poll()
    said = []
    for _ in range(100):
        clock.seconds += 0.01
        said.append(gamepad.poll())
    assert 49 <= sum(each is not None for each in said) <= 51
    assert set(said) == {None, first}


def test_a_flood_of_events_is_read_to_its_end(device, gamepad):
    gamepad.poll()
    for value in range(1000):
        device.happen(ecodes.EV_ABS, ecodes.ABS_X, -32 * value)
    gamepad.poll()
    assert device.events == []


def test_an_unplugged_pad_never_says_another_word(device, gamepad, clock):
    device.happen(ecodes.EV_KEY, ecodes.BTN_TL, 1)
    assert gamepad.poll().buttons[4] == 1
    device.unplugged = True
    for _ in range(500):
        clock.seconds += 0.01
        assert gamepad.poll() is None
    assert device.closed
    assert "No such device" in gamepad.problem
    assert gamepad.name == gamepad.place == ""


def test_even_what_came_before_the_unplugging_is_not_said_after_it(device, gamepad):
    gamepad.poll()
    device.happen(ecodes.EV_KEY, ecodes.BTN_TL, 1)
    device.unplugged = True
    assert gamepad.poll() is None


def test_a_pad_is_looked_for_each_second_and_said_anew(device, clock):
    asked = []

    def find():
        asked.append(clock.seconds)
        if len(asked) < 4:
            raise NoGamepad("no gamepad is there")
        return EvdevSource(device)

    gamepad = Gamepad(find, DEADZONE, rate=50.0, now=clock)
    while gamepad.poll() is None:
        assert gamepad.problem == "no gamepad is there"
        clock.seconds += 0.01
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps == pytest.approx([SEARCH_PERIOD] * 3, abs=0.02)


def test_another_pad_may_be_plugged_in_instead(device, clock):
    pads = [device, Device("Small", [ecodes.BTN_TRIGGER], {ecodes.ABS_X: STICK})]
    gamepad = Gamepad(lambda: EvdevSource(pads.pop(0)), DEADZONE, rate=50.0, now=clock)
    gamepad.poll()
    device.unplugged = True
    gamepad.poll()
    clock.seconds += SEARCH_PERIOD
    assert gamepad.poll() == Standing((0.0,), (0,))
    assert gamepad.name == "Small"


def test_a_pad_that_goes_while_it_is_greeted_is_lost(device, gamepad):
    device.unplugged = True
    assert gamepad.poll() is None
    assert "No such device" in gamepad.problem


def test_closing_lets_go_of_the_pad(device, gamepad):
    gamepad.poll()
    gamepad.close()
    assert device.closed
    gamepad.close()


# Which device is a pad.

MOUSE = ("Mouse", [ecodes.BTN_LEFT], {})
KEYBOARD = ("Keyboard", [ecodes.KEY_A], {})
SURFACE = (
    "Pad Touchpad",
    [ecodes.BTN_LEFT, ecodes.BTN_TOUCH],
    {ecodes.ABS_X: STICK, ecodes.ABS_Y: STICK},
)
SENSORS = ("Pad Motion Sensors", [], XBOX_AXES)
ONLY_BUTTONS = ("Button box", [ecodes.BTN_TRIGGER], {})


@pytest.fixture
def plugged(monkeypatch):
    """Let so many devices be plugged in, each by name, buttons and axes."""
    there = {}

    def plug(*devices):
        for number, (name, buttons, axes) in enumerate(devices, 8):
            path = f"/dev/input/event{number}"
            there[path] = Device(name, buttons, axes, path)
        return there

    def opened(path, readonly):
        assert readonly
        if path not in there:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return there[path]

    monkeypatch.setattr(evdev_source, "list_devices", lambda *_, **__: sorted(there))
    monkeypatch.setattr(evdev_source, "InputDevice", opened)
    return plug


XBOX = ("Xbox", XBOX_BUTTONS, XBOX_AXES)
OLD_STICK = ("Stick", [ecodes.BTN_TRIGGER], {ecodes.ABS_X: STICK, ecodes.ABS_Y: STICK})


def test_the_first_gamepad_is_taken_and_the_rest_let_go(plugged):
    there = plugged(MOUSE, KEYBOARD, SURFACE, SENSORS, ONLY_BUTTONS, XBOX, OLD_STICK)
    assert open_gamepad("").name == "Xbox"
    open_ones = [each.name for each in there.values() if not each.closed]
    assert open_ones == ["Xbox", "Stick"]  # the last one was not even opened


def test_devices_are_tried_in_the_order_of_their_numbers(plugged):
    plugged(MOUSE, OLD_STICK, XBOX)
    # As text, event10 comes before event9.
    assert open_gamepad("").place == "/dev/input/event9"


def test_a_gamepad_is_taken_by_its_name_or_path(plugged):
    plugged(XBOX, OLD_STICK, MOUSE)
    assert open_gamepad("Stick").place == "/dev/input/event9"
    assert open_gamepad("/dev/input/event9").name == "Stick"


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("Wheel", "no gamepad is called 'Wheel'; valid: 'Xbox', 'Stick'"),
        ("/dev/input/event10", "/dev/input/event10 is 'Mouse', which is no gamepad"),
        ("/dev/input/event77", "/dev/input/event77 cannot be opened: No such file or directory"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(plugged, asked, text):
    there = plugged(XBOX, OLD_STICK, MOUSE)
    with pytest.raises(NoGamepad, match=text):
        open_gamepad(asked)
    opened = ["/dev/input/event8", "/dev/input/event9"] if asked == "Wheel" else []
    assert all(there[path].closed for path in opened)


def test_no_gamepad_at_all_is_said(plugged):
    plugged(MOUSE)
    with pytest.raises(NoGamepad, match="no gamepad is there"):
        open_gamepad("")
    with pytest.raises(NoGamepad, match="valid: none is there"):
        open_gamepad("Xbox")


def test_devices_that_may_not_be_read_are_told_of(plugged, monkeypatch, tmp_path):
    plugged(MOUSE)
    (tmp_path / "event3").touch()
    monkeypatch.setattr(evdev_source, "FOLDER", str(tmp_path))
    monkeypatch.setattr(evdev_source.os, "access", lambda *_: False)
    with pytest.raises(NoGamepad, match=r"1 devices in .* may not be read"):
        open_gamepad("")
