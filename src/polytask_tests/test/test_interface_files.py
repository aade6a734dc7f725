"""Every interface file is documented, in units, and answers with the same codes everywhere."""

import re
from pathlib import Path

import pytest

from polytask_contract.errors import Refusal
from polytask_ros.parameters import read_schema
from polytask_tests.interface_files import (
    MalformedInterface,
    interface_paths,
    parse_interface,
    read_interface,
    split_unit,
)
from polytask_tests.interface_rules import (
    UNITS,
    answer_faults,
    code_faults,
    codes,
    documentation_faults,
)

SOURCE = Path(__file__).resolve().parents[2]
MESSAGES = SOURCE / "polytask_msgs"
INTERFACES = [read_interface(path) for path in interface_paths(MESSAGES)]
SCHEMAS = sorted(
    (".".join(path.relative_to(SOURCE).parts[1:-1]), path.name)
    for path in SOURCE.glob("*/polytask_*/**/*.yaml")
)


def test_there_are_files_to_judge():
    assert {interface.path.suffix for interface in INTERFACES} == {".msg", ".srv", ".action"}
    assert SCHEMAS


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda interface: interface.path.name)
def test_every_declaration_is_documented_and_every_number_has_a_unit(interface):
    assert documentation_faults(interface) == []


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda interface: interface.path.name)
def test_every_answer_has_a_code_and_a_message(interface):
    assert answer_faults(interface) == []


def test_a_code_means_the_same_in_every_file():
    assert code_faults(INTERFACES) == []


def test_refusals_are_numbered_alike_in_process_and_over_ros():
    refused = codes(read_interface(MESSAGES / "msg" / "ActionRefusal.msg"))
    assert {name: int(value) for name, value in refused.items()} == dict(Refusal.__members__)


def test_the_build_generates_every_file():
    listed = re.findall(
        r'"((?:msg|srv|action)/\w+\.\w+)"', (MESSAGES / "CMakeLists.txt").read_text()
    )
    there = [path.relative_to(MESSAGES).as_posix() for path in interface_paths(MESSAGES)]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize(("package", "file"), SCHEMAS)
def test_every_numeric_parameter_has_a_unit(package, file):
    for declaration in read_schema(package, file):
        if declaration.type.startswith(("int", "double")):
            assert split_unit(declaration.description)[1] in UNITS, declaration.name


# That the rules can be broken: each sample is a good file with one thing spoilt.

GOOD = """\
# Asks for something.

# How far to go. [m]
float64 distance
---
# It went.
uint8 SUCCESS=0
# Something else is under way.
uint8 BUSY=2

# One of the constants above. [-]
uint8 code

# One sentence; empty on success.
string message
"""


def spoilt(old, new):
    assert old in GOOD
    return parse_interface(Path("Go.srv"), GOOD.replace(old, new))


def test_a_good_file_has_no_faults():
    interface = parse_interface(Path("Go.srv"), GOOD)
    assert documentation_faults(interface) == answer_faults(interface) == []
    assert code_faults([interface]) == []
    assert interface.purpose == "Asks for something."
    distance, code, message = (field for section in interface.sections for field in section.fields)
    assert (distance.type, distance.unit, message.unit) == ("float64", "m", "")
    assert [(constant.name, constant.value) for constant in code.constants] == [
        ("SUCCESS", "0"),
        ("BUSY", "2"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("# Asks for something.\n\n", "", "does not begin with its purpose"),
        ("# Asks for something.\n\n", "# Asks for something.\n", "does not begin with its purpose"),
        ("# One sentence; empty on success.\n", "", "response: message is not documented"),
        ("# Something else is under way.\n", "", "response: BUSY is not documented"),
        ("# How far to go. [m]\n", "# How far to go. [m]\n\n", "distance is not documented"),
        (" [m]", "", "unit of distance is none; valid: [-], "),
        (" [m]", " [mm]", "unit of distance is [mm]"),
        (" [m]", " Within [-1, 1]", "unit of distance is none"),
        ("float64 distance", "uint8[<=3] distance\nint16 more", "more is not documented"),
    ],
)
def test_what_is_left_unsaid_is_found(old, new, fault):
    faults = documentation_faults(spoilt(old, new))
    assert any(fault in found for found in faults), faults


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("uint8 code", "uint8 status", "lacks a code"),
        ("uint8 code\n", "", "lacks a code"),
        ("uint8 SUCCESS", "uint8 DONE", "lacks a code"),
        ("string message", "string text", "lacks a string called message"),
        ("string message", "uint8[] message", "lacks a string called message"),
    ],
)
def test_an_answer_that_cannot_say_why_is_found(old, new, fault):
    (found,) = answer_faults(spoilt(old, new))
    assert fault in found


def test_codes_that_contradict_each_other_are_found():
    good = parse_interface(Path("Go.srv"), GOOD)
    (found,) = code_faults([good, spoilt("BUSY=2", "BUSY=3")])
    assert "BUSY = 3, but BUSY = 2 elsewhere" in found
    (found,) = code_faults([good, spoilt("BUSY=2", "TIRED=2")])
    assert "TIRED = 2, but BUSY = 2 elsewhere" in found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("---\n", "", "has 1 sections; valid: 2"),
        ("float64 distance", "float64", "'float64' is no declaration"),
        ("string message", "uint8 TIRED=3", "no field follows constant TIRED"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(old, new, fault):
    with pytest.raises(MalformedInterface, match=rf"^Go\.srv.*{re.escape(fault)}"):
        spoilt(old, new)


def test_a_unit_is_what_a_sentence_ends_with():
    assert split_unit("Rows of the picture [px].") == ("Rows of the picture.", "px")
    assert split_unit("How fast. [m/s]") == ("How fast.", "m/s")
    assert split_unit("Each within [-1, 1]") == ("Each within [-1, 1]", "")
