"""A mapping is read in full or refused with one sentence."""

from pathlib import Path

import pytest
import yaml

from polytask_contract.errors import UnknownName
from polytask_xarm_driver.teleop.feeds import StickFeed, SwitchFeed
from polytask_xarm_driver.teleop.mapping import ROLES, InvalidMapping, MappingMismatch
from polytask_xarm_driver.teleop.mapping_file import load_mapping, mapping_names, parse_mapping
from polytask_xarm_driver.teleop.sample import Sample
from polytask_xarm_driver.teleop.switch import Switch

FOLDER = Path(__file__).resolve().parents[3] / "config" / "joysticks"
ENTRIES = {
    "pad": "mine",
    "deadman": 0,
    "slower": 1,
    "faster": 2,
    "start": 3,
    "success": 4,
    "cancel": {"axis": 2, "beyond": -0.5},
    "speeds": [0.5, 1.0],
    "action": [{"axis": 0, "scale": -1.0}, {"plus": 5, "minus": 6}],
}
# Axes and buttons of the pads that the files are for, as they are numbered there.
PADS = {"xbox": (8, 11), "playstation": (8, 13), "generic": (6, 12), "game_controller": (6, 21)}


def sample(axes=3, buttons=7, held=(), **positions):
    places = {int(key.removeprefix("axis")): value for key, value in positions.items()}
    return Sample(
        tuple(places.get(place, 0.0) for place in range(axes)),
        tuple(int(place in held) for place in range(buttons)),
        1,
    )


def test_the_files_are_those_of_the_folder():
    assert mapping_names() == tuple(sorted(path.stem for path in FOLDER.iterdir()))
    assert set(mapping_names()) == set(PADS)


@pytest.mark.parametrize("name", PADS)
def test_every_file_is_for_a_pad_of_its_kind_and_a_world_of_four_values(name):
    mapping = load_mapping(name)
    axes, buttons = PADS[name]
    mapping.check_pad(sample(axes, buttons))
    mapping.check_environment(4)
    assert mapping.held(sample(axes, buttons)) == frozenset()
    assert [type(feed) for feed in mapping.feeds] == [StickFeed] * 3 + [SwitchFeed]


@pytest.mark.parametrize("name", PADS)
def test_ahead_left_and_up_are_positive(name):
    mapping = load_mapping(name)
    axes, buttons = PADS[name]
    right = 4 if axes == 8 else 3
    pushed = sample(axes, buttons, axis0=0.1, axis1=0.2, **{f"axis{right}": 0.3})
    assert [feed.value(pushed, 1.0) for feed in mapping.feeds] == pytest.approx([0.2, 0.1, 0.3, 0])


@pytest.mark.parametrize("name", PADS)
def test_the_slowest_speed_is_the_first(name):
    assert load_mapping(name).speeds == (0.25, 0.5, 1.0)


def test_entries_become_what_they_say():
    mapping = parse_mapping("mine", ENTRIES)
    assert mapping.switches == (*map(Switch, range(5)), Switch(2, -0.5))
    assert mapping.feeds == (StickFeed(0, -1.0), SwitchFeed(Switch(5), Switch(6)))
    assert (mapping.name, mapping.pad, mapping.speeds) == ("mine", "mine", (0.5, 1.0))
    assert mapping.held(sample(held={0, 3}, axis2=-0.5)) == {"deadman", "start", "cancel"}


def test_a_trigger_counts_on_its_limits_side_only():
    low, high = Switch(0, -0.5), Switch(0, 0.5)
    for value, expected in ((-1.0, (1, 0)), (-0.4, (0, 0)), (0.5, (0, 1)), (1.0, (0, 1))):
        found = (low.held(sample(axis0=value)), high.held(sample(axis0=value)))
        assert found == tuple(map(bool, expected))


def test_two_switches_held_at_once_cancel_each_other():
    feed = SwitchFeed(Switch(0), Switch(1))
    assert [feed.value(sample(held=held), 0.5) for held in ({0}, {1}, {0, 1}, set())] == [
        1.0,
        -1.0,
        0.0,
        0.0,
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"deadmen": 3}, r"the file has an entry 'deadmen'; valid: pad, deadman"),
        ({"deadman": None}, "deadman is None; valid: the number of a button, or an axis"),
        ({"deadman": True}, "deadman is True; valid"),
        ({"deadman": -1}, "deadman is button -1; valid: numbers from 0"),
        ({"deadman": 4}, "deadman and success are both button 4; valid: one role each"),
        ({"cancel": {"axis": 2}}, "cancel has no entry 'beyond'"),
        ({"cancel": {"axis": 2, "beyond": 0}}, "cancel is axis 2 beyond 0; valid: -1 to 1"),
        ({"cancel": {"axis": 2, "beyond": "far"}}, "cancel has 'far'; valid: a number"),
        ({"speeds": []}, r"speeds is \[\]; valid: ascending, above 0"),
        ({"speeds": [1.0, 0.5]}, r"speeds is \[1.0, 0.5\]; valid: ascending"),
        ({"speeds": [0.0, 0.5]}, "valid: ascending, above 0"),
        ({"speeds": [0.5, 2.0]}, "speeds has 2; valid: at most 1"),
        ({"speeds": [float("nan")]}, "valid: ascending, above 0"),
        ({"speeds": 1.0}, "speeds is 1.0; valid: a list"),
        ({"speeds": ["fast"]}, "a speed has 'fast'; valid: a number"),
        ({"action": []}, "action is empty"),
        ({"action": [{"axis": 0, "scale": 2.0}]}, "value 0 of the action has scale 2; valid: -1"),
        ({"action": [{"axis": 0, "scale": 0}]}, "has scale 0; valid: -1 to 1, and not 0"),
        ({"action": [{"axis": -1, "scale": 1}]}, "has axis -1; valid: whole numbers from 0"),
        ({"action": [{"axis": 0}]}, "value 0 of the action has no entry 'scale'"),
        ({"action": [{"stick": 0}]}, "valid: an axis with its scale, or plus and minus"),
        ({"action": [{"plus": 0, "minus": 8}]}, "deadman and plus of value 0 .* both button 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, text):
    with pytest.raises(InvalidMapping, match=text):
        parse_mapping("mine", ENTRIES | change)


@pytest.mark.parametrize("role", [*ROLES, "pad", "speeds", "action"])
def test_a_missing_entry_is_refused(role):
    entries = {key: value for key, value in ENTRIES.items() if key != role}
    with pytest.raises(InvalidMapping, match=f"the file has no entry '{role}'"):
        parse_mapping("mine", entries)


@pytest.mark.parametrize(
    ("axes", "buttons", "text"),
    [
        (2, 7, "'mine' takes cancel from axis 2; valid: 0 to 1, which the joystick has"),
        (0, 7, "takes value 0 of the action from axis 0"),
        (3, 6, "takes minus of value 1 of the action from button 6; valid: 0 to 5"),
    ],
)
def test_a_pad_that_lacks_a_part_is_refused(axes, buttons, text):
    with pytest.raises(MappingMismatch, match=text):
        parse_mapping("mine", ENTRIES).check_pad(sample(axes, buttons))


def test_an_environment_that_lacks_a_value_is_refused():
    mapping = parse_mapping("mine", ENTRIES)
    mapping.check_environment(2)
    with pytest.raises(MappingMismatch, match="'mine' feeds 2 values of an action; valid: at most"):
        mapping.check_environment(1)


def test_a_file_of_ones_own_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(ENTRIES))
    assert load_mapping(str(path)) == parse_mapping(str(path), ENTRIES)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"no mapping 'wheel'; valid: game_controller, .*, xbox"):
        load_mapping("wheel")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, r"mine.yaml': No such file"),
        (b"deadman: [", "is no YAML: while parsing"),
        (b"\xff\xfe\x00", "mine.yaml' is no"),
        (b"", "mine.yaml': the file is None; valid: entries pad, deadman"),
        (b"pad: mine", "mine.yaml': the file has no entry 'deadman'"),
        (b"!!python/object/apply:os.system [ls]", "is no YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, content, text):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidMapping, match=text) as caught:
        load_mapping(str(path))
    assert "\n" not in str(caught.value)
