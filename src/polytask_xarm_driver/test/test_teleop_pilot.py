"""Nothing moves unless somebody holds the dead-man button of a joystick that speaks."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polytask_contract.environment import Turn
from polytask_xarm_driver.teleop.mapping import MappingMismatch
from polytask_xarm_driver.teleop.mapping_file import parse_mapping
from polytask_xarm_driver.teleop.orders import Act, Halt, Say, Word
from polytask_xarm_driver.teleop.pilot import ENDING, RELEASED, RESEND_PERIOD, Pilot
from polytask_xarm_driver.teleop.sample import Sample

DEADMAN, SLOWER, FASTER, START, SUCCESS, CANCEL, OPEN, CLOSE = range(8)
MAPPING = parse_mapping(
    "mine",
    {
        "pad": "mine",
        "deadman": DEADMAN,
        "slower": SLOWER,
        "faster": FASTER,
        "start": START,
        "success": SUCCESS,
        "cancel": CANCEL,
        "speeds": [0.25, 0.5, 1.0],
        "action": [
            {"axis": 0, "scale": 1.0},
            {"axis": 1, "scale": -0.5},
            {"plus": OPEN, "minus": CLOSE},
        ],
    },
)
TIMEOUT, CENTRE, TICK, PERIOD, SIZE = 0.1, 0.1, 0.01, 0.4, 4
REST = (0.0,) * SIZE


class Hands:
    """A person with a joystick, a clock, and an environment that opens turns."""

    def __init__(self, realtime=True, mapping=MAPPING, size=SIZE):
        self.pilot = Pilot(mapping, TIMEOUT, CENTRE)
        self.now, self.stamp = 100.0, 0
        self.axes, self.held = [0.0, 0.0], set()
        self.orders = []
        if size:
            self.pilot.meet(size, realtime, PERIOD)

    def _take(self, orders):
        self.orders += orders
        return orders

    def say(self, *held, x=0.0, y=0.0, stamp=None):
        """Let the joystick say how it stands."""
        self.stamp += 1
        self.axes, self.held = [x, y], set(held)
        buttons = tuple(int(button in held) for button in range(8))
        sample = Sample((x, y), buttons, self.stamp if stamp is None else stamp)
        return self._take(self.pilot.hear(sample, self.now))

    def see(self, episode, step, last=False):
        return self._take(self.pilot.see(Turn(episode, step), last, self.now))

    def tick(self):
        self.now += TICK
        return self._take(self.pilot.tick(self.now))

    def wait(self, seconds):
        """Let the time pass while nobody says anything; return what follows."""
        return [order for _ in range(round(seconds / TICK)) for order in self.tick()]

    def hold(self, seconds, *held, x=0.0, y=0.0):
        """Let the time pass while the joystick repeats itself; return what follows."""
        found = []
        for number in range(round(seconds / TICK)):
            found += self.tick()
            if number % 2:
                found += self.say(*held, x=x, y=y)
        return found

    def steer(self, episode=7):
        """Begin an episode and press the dead-man button."""
        self.see(episode, 0)
        self.say()
        self.say(DEADMAN)
        self.orders.clear()
        return self


def acts(orders):
    return [order.values for order in orders if isinstance(order, Act)]


def halts(orders):
    return [order.reason for order in orders if isinstance(order, Halt)]


def words(orders):
    return [order.word for order in orders if isinstance(order, Say)]


# Laws, over everything that can come in any order.

NUMBERS = st.one_of(
    st.floats(-1, 1),
    st.sampled_from([0.0, 1.0, -1.0, 3.0, -1e30, math.nan, math.inf]),
)
BUTTONS = st.one_of(
    st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)).map(lambda held: held | {DEADMAN})
)
# Else somebody would seldom steer.
BEGUN = [("see", 1, 0, False), ("say", set(), 0.0, 0.0), ("say", {DEADMAN}, 0.0, 0.0)]
STEPS = st.builds(
    lambda begun, steps: [*begun, *steps],
    st.sampled_from([[], BEGUN, [*BEGUN, ("say", {DEADMAN, FASTER}, 0.0, 0.0)]]),
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.one_of(st.integers(1, 3), st.integers(8, 15))),
            st.tuples(st.just("say"), BUTTONS, NUMBERS, NUMBERS),
            # The same stamp once more, whatever else is said.
            st.tuples(st.just("repeat"), BUTTONS, NUMBERS, NUMBERS),
            st.tuples(st.just("see"), st.integers(1, 3), st.integers(0, 5), st.booleans()),
        ),
        max_size=60,
    ),
)


class Expected:
    """Who steers and what was pressed, told as simply as it can be."""

    def __init__(self):
        self.heard, self.before = -math.inf, set(range(8))
        self.steering, self.pressed = False, set()

    def look(self, now):
        self.pressed = set()
        if now - self.heard >= TIMEOUT:
            self.before, self.steering = set(range(8)), False

    def hear(self, now, buttons):
        self.pressed = buttons - self.before
        self.heard, self.before = now, buttons
        self.steering = DEADMAN in buttons and (self.steering or DEADMAN in self.pressed)


def run(hands, steps):
    """Do the steps; yield after each message and tick the orders and what is expected."""
    expected = Expected()
    for kind, *rest in steps:
        if kind == "pass":
            for _ in range(rest[0]):
                orders = hands.tick()
                expected.look(hands.now)
                yield orders, expected
            continue
        expected.look(hands.now)
        if kind == "see":
            episode, step, last = rest
            orders = hands.see(episode, step, last)
        else:
            buttons, x, y = rest
            stuck = kind == "repeat" and hands.stamp > 0
            orders = hands.say(*buttons, x=x, y=y, stamp=hands.stamp if stuck else None)
            hands.stamp -= stuck
            if not stuck and math.isfinite(x) and math.isfinite(y):
                expected.hear(hands.now, buttons)
        yield orders, expected


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_actions_are_of_the_right_size_and_within_their_bounds(steps, realtime):
    for orders, _ in run(Hands(realtime), steps):
        for values in acts(orders):
            assert len(values) == SIZE
            assert all(-1.0 <= value <= 1.0 for value in values)


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_nothing_moves_without_the_dead_man_button(steps, realtime):
    for orders, expected in run(Hands(realtime), steps):
        if not expected.steering:
            assert acts(orders) in ([], [REST] if realtime else [])


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_every_time_somebody_stops_steering_there_is_one_halt_and_no_other(steps, realtime):
    steered = False
    for orders, expected in run(Hands(realtime), steps):
        assert len(halts(orders)) == (steered and not expected.steering)
        steered = expected.steering


@settings(max_examples=200)
@given(STEPS, st.booleans(), st.floats(0.2, 1.0))
def test_silence_halts_once_within_the_timeout_and_a_tick(steps, realtime, x):
    hands = Hands(realtime)
    for _ in run(hands, steps):
        pass
    hands.say()
    hands.say(DEADMAN)
    hands.say(DEADMAN, x=x)
    said = hands.now
    found = []
    while hands.now <= said + 3 * TIMEOUT:
        reasons = halts(hands.tick())
        if reasons:
            assert hands.now <= said + TIMEOUT + TICK + 1e-9
        found += reasons
    assert len(found) == 1


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_each_press_is_one_word_and_nothing_else_is(steps, realtime):
    buttons = {START: Word.START, SUCCESS: Word.SUCCESS, CANCEL: Word.CANCEL}
    for orders, expected in run(Hands(realtime), steps):
        pressed = [word for place, word in buttons.items() if place in expected.pressed]
        assert words(orders) == pressed


@settings(max_examples=200)
@given(STEPS)
def test_in_lockstep_no_turn_is_answered_twice_but_as_sent_again(steps):
    hands = Hands(realtime=False)
    seen, last = set(), -math.inf
    for orders, _ in run(hands, steps):
        for order in orders:
            if isinstance(order, Act):
                assert order.resent == (order.turn in seen)
                assert hands.now >= last + (RESEND_PERIOD if order.resent else PERIOD) - 1e-9
                seen, last = {order.turn}, hands.now


# Examples: the dead-man button.


def test_real_time_answers_each_turn_with_what_the_stick_says():
    hands = Hands().steer()
    hands.say(DEADMAN, x=0.8)
    assert hands.see(7, 1) == [Act(Turn(7, 1), (0.2, 0.0, 0.0, 0.0))]
    assert hands.hold(0.1, DEADMAN, x=0.8) == []


def test_real_time_corrects_an_answer_when_the_stick_moves():
    hands = Hands().steer()
    assert acts(hands.say(DEADMAN, x=0.4)) == [(0.1, 0.0, 0.0, 0.0)]
    assert acts(hands.say(DEADMAN, x=0.4)) == []
    assert acts(hands.say(DEADMAN, y=1.0)) == [(0.0, -0.125, 0.0, 0.0)]


def test_in_real_time_nobody_at_the_stick_means_rest_so_that_the_episode_goes_on():
    hands = Hands()
    hands.say(x=1.0)
    assert hands.see(7, 0) == [Act(Turn(7, 0), REST)]
    hands.wait(1.0)
    assert hands.see(7, 1) == [Act(Turn(7, 1), REST)]


def test_who_never_heard_a_joystick_answers_nothing():
    hands = Hands()
    assert hands.see(7, 0) == []
    assert hands.wait(1.0) == []


@pytest.mark.parametrize("realtime", [True, False])
def test_releasing_halts_at_once(realtime):
    hands = Hands(realtime).steer()
    hands.say(DEADMAN, x=1.0)
    orders = hands.say(x=1.0)
    # In real time the period's action is rest by then, whatever was sent before.
    assert orders == [Halt(RELEASED), *([Act(Turn(7, 0), REST)] if realtime else [])]
    assert hands.hold(0.3, x=1.0) == []


@pytest.mark.parametrize("realtime", [True, False])
def test_silence_halts(realtime):
    hands = Hands(realtime).steer()
    hands.say(DEADMAN, x=1.0)
    orders = hands.wait(0.3)
    assert halts(orders) == ["the joystick said nothing new for 0.1 s"]
    assert acts(orders) == ([REST] if realtime else [])


def test_a_publisher_that_repeats_one_stamp_is_silent():
    hands = Hands().steer()
    hands.say(DEADMAN, x=1.0)
    found = []
    for _ in range(30):
        found += hands.tick() + hands.say(DEADMAN, x=1.0, stamp=3)
    assert halts(found) == ["the joystick said nothing new for 0.1 s: its stamp does not advance"]
    assert hands.see(7, 1) == [Act(Turn(7, 1), REST)]


def test_a_publisher_that_is_stuck_beside_one_that_lives_says_nothing():
    hands = Hands().steer()
    stuck = hands.stamp
    found = []
    for number in range(60):
        found += hands.tick() + hands.say(DEADMAN, START, x=1.0, stamp=stuck)
        if not number % 3:
            found += hands.say(DEADMAN)
    assert set(acts(found)) <= {REST}
    assert words(found) == []


def test_an_axis_that_is_no_number_is_as_good_as_silence():
    hands = Hands().steer()
    found = []
    for _ in range(30):
        found += hands.tick() + hands.say(DEADMAN, x=math.nan)
    assert halts(found) == ["the joystick said nothing new for 0.1 s: an axis is not finite"]


def test_a_clock_that_runs_backwards_silences_nobody():
    hands = Hands().steer()
    for stamp in range(1_000_000, 0, -20_000):
        hands.tick()
        assert halts(hands.say(DEADMAN, x=1.0, stamp=stamp)) == []


def test_a_message_after_a_stall_does_not_hide_the_silence():
    hands = Hands().steer()
    hands.say(DEADMAN, x=1.0)
    # The process was stopped: no tick came, and the queue holds what the joystick said since.
    hands.now += 5.0
    assert halts(hands.say(DEADMAN, x=1.0)) == ["the joystick said nothing new for 0.1 s"]
    assert hands.hold(0.2, DEADMAN, x=1.0) == []


def test_a_button_that_was_held_all_along_does_not_steer():
    hands = Hands()
    hands.say(DEADMAN, x=1.0)
    hands.hold(0.3, DEADMAN)
    assert hands.see(7, 0) == [Act(Turn(7, 0), REST)]
    hands.say()
    hands.say(DEADMAN)
    assert acts(hands.say(DEADMAN, x=1.0)) == [(0.25, 0.0, 0.0, 0.0)]


def test_a_joystick_that_is_back_needs_the_button_pressed_anew():
    hands = Hands().steer()
    hands.wait(0.3)
    assert hands.hold(0.3, DEADMAN, x=1.0) == []
    hands.say()
    hands.say(DEADMAN)
    assert acts(hands.say(DEADMAN, x=1.0)) == [(0.25, 0.0, 0.0, 0.0)]


def test_nobody_steers_so_nobody_is_halted():
    hands = Hands()
    hands.see(7, 0)
    hands.hold(0.3, x=1.0)
    hands.wait(1.0)
    assert halts(hands.orders) == []


def test_losing_the_joystick_without_an_episode_halts_as_well():
    hands = Hands(size=0)
    hands.say()
    hands.say(DEADMAN)
    assert halts(hands.wait(0.3)) == ["the joystick said nothing new for 0.1 s"]


# The stick.


def test_a_stick_that_is_deflected_when_the_button_is_pressed_waits_for_its_middle():
    hands = Hands()
    hands.see(7, 0)
    hands.say(x=1.0)
    assert hands.say(DEADMAN, x=1.0) == []
    assert hands.hold(0.3, DEADMAN, x=1.0) == []
    # The other axis was in its middle, and counts.
    assert acts(hands.say(DEADMAN, x=1.0, y=1.0)) == [(0.0, -0.125, 0.0, 0.0)]
    hands.say(DEADMAN, x=0.1)
    assert acts(hands.say(DEADMAN, x=1.0)) == [(0.25, 0.0, 0.0, 0.0)]


def test_each_press_of_the_button_asks_for_the_middle_anew():
    hands = Hands().steer()
    hands.say(DEADMAN, x=1.0)
    hands.say(x=1.0)
    assert hands.say(DEADMAN, x=1.0) == []
    assert hands.hold(0.3, DEADMAN, x=1.0) == []


def test_an_axis_beyond_its_end_is_at_its_end():
    hands = Hands().steer()
    for press in (FASTER, FASTER):
        hands.say(DEADMAN, press)
        hands.say(DEADMAN)
    assert acts(hands.say(DEADMAN, x=3.0, y=-9.0)) == [(1.0, 0.5, 0.0, 0.0)]


def test_a_gripper_button_that_is_held_when_the_dead_man_button_is_pressed_waits_too():
    hands = Hands()
    hands.see(7, 0)
    hands.say(OPEN)
    assert hands.say(DEADMAN, OPEN) == []
    assert hands.hold(0.3, DEADMAN, OPEN) == []
    hands.say(DEADMAN)
    assert acts(hands.say(DEADMAN, OPEN)) == [(0.0, 0.0, 1.0, 0.0)]


def test_an_episode_that_begins_under_a_deflected_stick_begins_at_rest():
    hands = Hands().steer()
    hands.say(DEADMAN, x=1.0)
    hands.see(7, 1, last=True)
    assert hands.see(8, 0) == [Act(Turn(8, 0), REST)]
    assert hands.hold(0.3, DEADMAN, x=1.0) == []
    hands.say(DEADMAN)
    assert acts(hands.say(DEADMAN, x=1.0)) == [(0.25, 0.0, 0.0, 0.0)]


def test_the_gripper_has_one_speed_and_the_stick_several():
    hands = Hands().steer()
    seen = []
    for press in (FASTER, FASTER, FASTER, SLOWER, SLOWER, SLOWER):
        seen += acts(hands.say(DEADMAN, CLOSE, x=0.8))
        hands.say(DEADMAN, CLOSE, press, x=0.8)
        seen.append(hands.pilot.speed)
    assert [value for value in seen if isinstance(value, float)] == [0.5, 1.0, 1.0, 0.5, 0.25, 0.25]
    assert seen[0] == (0.2, 0.0, -1.0, 0.0)
    assert hands.pilot.see(Turn(7, 9), last=False, now=hands.now) == [
        Act(Turn(7, 9), (0.2, 0.0, -1.0, 0.0))
    ]


def test_the_speed_changes_under_the_hand():
    hands = Hands().steer()
    hands.say(DEADMAN, x=0.8)
    assert acts(hands.say(DEADMAN, FASTER, x=0.8)) == [(0.4, 0.0, 0.0, 0.0)]
    assert hands.hold(0.3, DEADMAN, FASTER, x=0.8) == []


# Turns.


def test_lockstep_answers_no_faster_than_the_control_period():
    hands = Hands(realtime=False).steer()
    for step, _ in enumerate(range(3)):
        orders = hands.hold(2 * PERIOD, DEADMAN, x=0.8)
        answers = [order for order in orders if isinstance(order, Act) and not order.resent]
        assert len(answers) == (step > 0)
        hands.see(7, step + 1)


def test_lockstep_sends_an_answer_again_when_nothing_comes_back():
    hands = Hands(realtime=False)
    hands.see(7, 0)
    hands.say()
    assert hands.say(DEADMAN) == [Act(Turn(7, 0), REST)]
    assert hands.hold(RESEND_PERIOD - TICK, DEADMAN) == []
    assert hands.hold(2 * TICK, DEADMAN) == [Act(Turn(7, 0), REST, resent=True)]
    assert len(hands.hold(RESEND_PERIOD + TICK, DEADMAN)) == 1


def test_lockstep_without_the_button_sends_nothing_not_even_again():
    hands = Hands(realtime=False).steer()
    hands.say()
    assert hands.hold(2.0) == []


def test_an_old_observation_opens_nothing():
    hands = Hands().steer()
    hands.see(7, 5)
    assert hands.see(7, 5) == []
    assert hands.see(7, 4) == []
    assert hands.say(DEADMAN, x=0.4) == [Act(Turn(7, 5), (0.1, 0.0, 0.0, 0.0))]


def test_nothing_is_answered_after_the_end_of_an_episode():
    hands = Hands().steer()
    assert hands.see(7, 1, last=True) == []
    assert hands.hold(0.5, DEADMAN, x=1.0) == []


def test_a_turn_that_is_seen_before_the_specification_is_answered_with_it():
    hands = Hands(size=0)
    hands.say()
    hands.see(7, 0)
    hands.pilot.meet(SIZE, True, PERIOD)
    assert hands.tick() == [Act(Turn(7, 0), REST)]


def test_a_turn_of_a_server_that_was_restarted_is_forgotten():
    hands = Hands().steer()
    hands.pilot.meet(SIZE, True, PERIOD)
    assert hands.say(DEADMAN, x=1.0) == []


def test_a_world_with_too_few_values_is_refused():
    with pytest.raises(MappingMismatch, match="feeds 3 values of an action; valid: at most 2"):
        Hands(size=2)


def test_a_pad_with_too_few_parts_is_refused():
    hands = Hands()
    with pytest.raises(
        MappingMismatch, match="from button 6; valid: 0 to 5, which the joystick has"
    ):
        hands.pilot.hear(Sample((0.0, 0.0), (0,) * 6, 1), hands.now)


# The end.


def test_who_ends_while_steering_halts():
    hands = Hands().steer()
    hands.say(DEADMAN, x=1.0)
    assert hands.pilot.end(hands.now) == [Halt(ENDING), Act(Turn(7, 0), REST)]


def test_who_has_acted_in_an_episode_halts_at_the_end_also_without_the_button():
    hands = Hands(realtime=False).steer()
    hands.say(DEADMAN, x=1.0)
    hands.say()
    assert hands.pilot.end(hands.now) == [Halt(ENDING)]


def test_who_has_not_acted_ends_in_silence():
    hands = Hands(realtime=False)
    hands.say()
    hands.see(7, 0)
    assert hands.pilot.end(hands.now) == []


# Words.


@pytest.mark.parametrize(
    ("button", "word"), [(START, Word.START), (SUCCESS, Word.SUCCESS), (CANCEL, Word.CANCEL)]
)
def test_a_press_is_said_once_with_and_without_the_dead_man_button(button, word):
    for held in ((), (DEADMAN,)):
        hands = Hands(size=0)
        hands.say(*held)
        assert words(hands.say(*held, button)) == [word]
        assert words(hands.hold(0.5, *held, button)) == []
        assert words(hands.say(*held)) == []
        assert words(hands.say(*held, button)) == [word]


def test_a_button_that_is_held_over_a_silence_is_no_new_press():
    hands = Hands()
    hands.say()
    hands.say(SUCCESS)
    hands.wait(0.3)
    assert words(hands.say(SUCCESS)) == []


def test_several_presses_at_once_are_all_said():
    hands = Hands()
    hands.say()
    assert words(hands.say(START, CANCEL)) == [Word.START, Word.CANCEL]


def test_every_word_is_a_role_of_a_mapping():
    assert {word.value for word in Word} <= set(
        itertools.chain(["deadman", "slower", "faster"], ("start", "success", "cancel"))
    )
