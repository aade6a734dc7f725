"""What must hold for the interface files; each function returns what is wrong, one line a fault."""

import re
from collections.abc import Iterable, Iterator

from polytask_tests.interface_files import Field, Interface

UNITS = (
    "-",
    "1/s",
    "N",
    "N m",
    "byte",
    "degC",
    "kg",
    "m",
    "m/s",
    "m/s^2",
    "px",
    "rad",
    "rad/s",
    "rad/s^2",
    "s",
)
NUMBER = re.compile(r"u?int(8|16|32|64)|float(32|64)|byte|char")
# These sections answer a request, so a program must be able to tell why it was not met.
ANSWERS = ("response", "result")


def documentation_faults(interface: Interface) -> list[str]:
    """Return what `interface` leaves unsaid: its purpose, a declaration's meaning, a unit."""
    faults = [] if interface.purpose else [f"{interface.path} does not begin with its purpose"]
    for section in interface.sections:
        for field in section.fields:
            faults += _field_faults(f"{interface.path} {section.name}".rstrip(), field)
    return faults


def _field_faults(place: str, field: Field) -> Iterator[str]:
    comments = {constant.name: constant.comment for constant in field.constants}
    for name, comment in {**comments, field.name: field.comment}.items():
        if not comment:
            yield f"{place}: {name} is not documented"
    if NUMBER.fullmatch(field.base_type) and field.unit not in UNITS:
        valid = ", ".join(f"[{unit}]" for unit in UNITS)
        found = f"[{field.unit}]" if field.unit else "none"
        yield f"{place}: the unit of {field.name} is {found}; valid: {valid}"


def answer_faults(interface: Interface) -> list[str]:
    """Return which answers in `interface` do not say whether and why they failed."""
    faults = []
    for section in interface.sections:
        if section.name not in ANSWERS:
            continue
        place = f"{interface.path} {section.name}"
        fields = {field.name: field for field in section.fields}
        code, message = fields.get("code"), fields.get("message")
        if code is None or "SUCCESS" not in (constant.name for constant in code.constants):
            faults.append(f"{place} lacks a code whose constants begin with SUCCESS")
        if message is None or message.type != "string":
            faults.append(f"{place} lacks a string called message")
    return faults


def code_faults(interfaces: Iterable[Interface]) -> list[str]:
    """Return where a code's name has two values, or a value two names, across `interfaces`."""
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    faults = []
    for interface in interfaces:
        for name, value in codes(interface).items():
            known = (values.setdefault(name, value), names.setdefault(value, name))
            if known != (value, name):
                meant = f"{known[1]} = {value}" if known[0] == value else f"{name} = {known[0]}"
                faults.append(f"{interface.path}: code {name} = {value}, but {meant} elsewhere")
    return faults


def codes(interface: Interface) -> dict[str, str]:
    """Return the named values of every field called `code` in `interface`."""
    return {
        constant.name: constant.value
        for section in interface.sections
        for field in section.fields
        if field.name == "code"
        for constant in field.constants
    }
