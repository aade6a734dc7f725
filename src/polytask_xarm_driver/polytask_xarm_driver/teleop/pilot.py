"""From how a joystick stands to what an arm is asked to do."""

from polytask_contract.environment import Turn
from polytask_xarm_driver.teleop.joy_watch import JoyWatch
from polytask_xarm_driver.teleop.mapping import DEADMAN, FASTER, ROLES, SLOWER, Mapping
from polytask_xarm_driver.teleop.orders import Act, Halt, Order, Say, Word
from polytask_xarm_driver.teleop.sample import Sample

RELEASED = "the dead-man button was released"
ENDING = "teleop ends"
# In lockstep the world waits for ever for an action that was lost, so it is sent again [s].
RESEND_PERIOD = 0.5
# What is held when a joystick is first heard, or heard again, was not pressed just then.
EVERYTHING = frozenset(ROLES)


class Pilot:
    """Steers by a joystick while its dead-man button is held, and halts when it is not.

    It is told what the joystick says, which turn is open and what time it is, and returns what to
    do at once. The dead-man button must be seen up before it counts as pressed, and from then, and
    from the beginning of an episode, each stick must be near its middle once before it counts. In
    real time every turn is answered, by rest where nobody steers, so that the episode goes on; in
    lockstep a turn is answered while somebody steers, and no faster than the control period.
    """

    def __init__(self, mapping: Mapping, joy_timeout: float, centre: float) -> None:
        """Wait for an environment; a stick within `centre` is in its middle."""
        self._mapping = mapping
        self._watch = JoyWatch(joy_timeout)
        self._centre = centre
        self._held = EVERYTHING
        self._gear = 0
        self._steering = False
        self._centred: set[int] = set()
        self._sample = Sample((), (), 0)
        self._rest: tuple[float, ...] = ()
        self._values: tuple[float, ...] = ()
        self._realtime = False
        self._period = 0.0
        self._newest: Turn | None = None
        self._open: Turn | None = None
        self._sent: Act | None = None
        self._sent_at = 0.0

    @property
    def speed(self) -> float:
        """The factor on what the sticks say."""
        return self._mapping.speeds[self._gear]

    def meet(self, action_size: int, realtime: bool, period: float) -> None:
        """Learn what the environment is; its control period is `period` seconds.

        Raise MappingMismatch when it lacks a value that the mapping feeds.
        """
        self._mapping.check_environment(action_size)
        if self._rest:
            # Another server: the turn was the old one's.
            self._open = None
        self._rest = (0.0,) * action_size
        self._realtime, self._period = realtime, period
        self._values = self._steered()

    def hear(self, sample: Sample, now: float) -> list[Order]:
        """Return what follows from a message of the joystick that came at `now` [s].

        Raise MappingMismatch when the joystick lacks what the mapping names.
        """
        orders = self._lapse(now)
        if not self._watch.takes(sample, now):
            return orders
        self._mapping.check_pad(sample)
        held = self._mapping.held(sample)
        pressed = held - self._held
        self._sample, self._held = sample, held
        orders += [Say(word) for word in Word if word.value in pressed]
        self._shift(pressed)
        if DEADMAN in pressed:
            self._steering, self._centred = True, set()
        elif self._steering and DEADMAN not in held:
            return orders + self._let_go(RELEASED, now)
        self._values = self._steered()
        return orders + self._answer(now)

    def see(self, turn: Turn, last: bool, now: float) -> list[Order]:
        """Return what follows from an observation that came at `now` [s], perhaps the last one."""
        orders = self._lapse(now)
        if self._newest is not None and turn.episode == self._newest.episode:
            if turn.step <= self._newest.step:
                return orders
        else:
            self._centred = set()
            self._values = self._steered()
        self._newest = turn
        self._open = None if last else turn
        return orders + self._answer(now)

    def tick(self, now: float) -> list[Order]:
        """Return what is due at `now` [s] because time has passed."""
        return self._lapse(now) + self._answer(now)

    def end(self, now: float) -> list[Order]:
        """Return what to do before nobody steers any more."""
        sent, turn = self._sent, self._open
        acts = sent is not None and turn is not None and sent.turn.episode == turn.episode
        return self._let_go(ENDING, now) if acts or self._steering else []

    def _lapse(self, now: float) -> list[Order]:
        reason = self._watch.lapse(now)
        if not reason:
            return []
        self._held = EVERYTHING
        return self._let_go(reason, now) if self._steering else []

    def _let_go(self, reason: str, now: float) -> list[Order]:
        self._steering, self._values = False, self._rest
        # In real time the action that the period already has must not move the arm after the halt.
        return [Halt(reason), *self._answer(now)]

    def _shift(self, pressed: frozenset[str]) -> None:
        step = (FASTER in pressed) - (SLOWER in pressed)
        self._gear = min(max(self._gear + step, 0), len(self._mapping.speeds) - 1)

    def _steered(self) -> tuple[float, ...]:
        """Return the action that the joystick asks for now."""
        if not self._steering or not self._rest:
            return self._rest
        values = list(self._rest)
        for place, feed in enumerate(self._mapping.feeds):
            if abs(feed.deflection(self._sample)) <= self._centre:
                self._centred.add(place)
            if place in self._centred:
                values[place] = feed.value(self._sample, self.speed)
        return tuple(values)

    def _answer(self, now: float) -> list[Order]:
        """Return the answer to the open turn if one is due."""
        turn = self._open
        if turn is None or not self._rest or not self._watch.was_heard:
            return []
        answered = self._sent is not None and self._sent.turn == turn
        if self._realtime:
            if answered and self._sent is not None and self._sent.values == self._values:
                return []
            return self._send(Act(turn, self._values), now)
        wait = RESEND_PERIOD if answered else self._period
        if not self._steering or (self._sent is not None and now < self._sent_at + wait):
            return []
        return self._send(Act(turn, self._values, resent=answered), now)

    def _send(self, act: Act, now: float) -> list[Order]:
        self._sent, self._sent_at = act, now
        return [act]
