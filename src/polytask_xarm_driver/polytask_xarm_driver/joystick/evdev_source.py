"""Gamepads as Linux offers them in /dev/input."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from evdev import InputDevice, ecodes, list_devices

from polytask_xarm_driver.joystick.source import Event, NoGamepad, Range

FOLDER = "/dev/input"
# What a pad has and a mouse, a keyboard, or a pad's own touch surface or motion sensor has not.
TELLING_BUTTONS = frozenset({ecodes.BTN_JOYSTICK, ecodes.BTN_GAMEPAD})
TELLING_AXES = frozenset({ecodes.ABS_X, ecodes.ABS_Y})
# The kernel keeps fewer events than so many readings take; a pad that sends more must not hold us.
MOST_READINGS = 64


class EvdevSource:
    """An open pad: a Source."""

    def __init__(self, device: Any) -> None:
        """Read what `device`, an evdev InputDevice, has."""
        self._device = device
        capabilities = device.capabilities()
        self._buttons = frozenset(capabilities.get(ecodes.EV_KEY, ()))
        self._axes = {
            code: Range(about.min, about.max) for code, about in capabilities.get(ecodes.EV_ABS, ())
        }

    @property
    def name(self) -> str:
        """What the pad calls itself."""
        return str(self._device.name)

    @property
    def place(self) -> str:
        """The device's path."""
        return str(self._device.path)

    @property
    def buttons(self) -> Collection[int]:
        """The codes of its buttons."""
        return self._buttons

    @property
    def axes(self) -> Mapping[int, Range]:
        """The codes of its axes and how far each goes."""
        return self._axes

    def is_gamepad(self) -> bool:
        """Tell whether it has a pad's or joystick's buttons, and a stick."""
        return bool(TELLING_BUTTONS & self._buttons) and self._axes.keys() >= TELLING_AXES

    def pressed(self) -> Collection[int]:
        """Return the codes of the buttons that are held at this moment."""
        return frozenset(self._device.active_keys())

    def positions(self) -> Mapping[int, int]:
        """Return how each axis stands at this moment."""
        return {code: self._device.absinfo(code).value for code in self._axes}

    def read(self) -> Iterable[Event]:
        """Return what has happened since the last call; raise OSError once it is unplugged."""
        events: list[Event] = []
        with suppress(BlockingIOError):
            for _ in range(MOST_READINGS):
                events += self._device.read()
        return events

    def close(self) -> None:
        """Let go of the pad."""
        # An unplugged device may refuse even this, and is closed then all the same.
        with suppress(OSError):
            self._device.close()


def open_gamepad(device: str) -> EvdevSource:
    """Return the pad at the path or of the name `device`; the first one there is when it is empty.

    Raise NoGamepad when there is none, with what there is instead.
    """
    if device.startswith("/"):
        return _open_path(device)
    names = []
    for source in _gamepads():
        if device in ("", source.name):
            return source
        names.append(source.name)
        source.close()
    if device:
        valid = ", ".join(map(repr, names)) or "none is there"
        raise NoGamepad(f"no gamepad is called {device!r}; valid: {valid}{_barred()}")
    raise NoGamepad(f"no gamepad is there{_barred()}")


def _open_path(path: str) -> EvdevSource:
    try:
        source = EvdevSource(InputDevice(path, readonly=True))
    except OSError as error:
        raise NoGamepad(f"the gamepad {path} cannot be opened: {error.strerror}") from None
    if not source.is_gamepad():
        source.close()
        raise NoGamepad(f"{path} is {source.name!r}, which is no gamepad")
    return source


def _gamepads() -> Iterator[EvdevSource]:
    """Open one pad after the other, in the order of their numbers; who takes one closes it."""
    paths = list_devices(FOLDER, writable=False)
    for path in sorted(paths, key=lambda path: (len(path), path)):
        try:
            source = EvdevSource(InputDevice(path, readonly=True))
        except OSError:
            # It went between the list and now.
            continue
        if source.is_gamepad():
            yield source
        else:
            source.close()


def _barred() -> str:
    """Return what to do about devices that this user may not read; empty when there are none."""
    closed = [path for path in Path(FOLDER).glob("event*") if not os.access(path, os.R_OK)]
    if not closed:
        return ""
    return f"; {len(closed)} devices in {FOLDER} may not be read: join the group that owns them"
