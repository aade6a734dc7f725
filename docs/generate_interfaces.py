"""Writes docs/interfaces.md from the interface files, the parameter schemas, and the code.

    python docs/generate_interfaces.py           writes it
    python docs/generate_interfaces.py --check   ends with status 1 when it is stale

It runs where the workspace is found, as in `./run shell`.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rclpy.qos import QoSProfile

from polytask_ros import names, qos
from polytask_ros.parameters import Declaration, read_schema
from polytask_tests.interface_files import (
    Field,
    Interface,
    interface_paths,
    read_interface,
    split_unit,
)

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PAGE = ROOT / "docs" / "interfaces.md"

HEAD = """\
# Interfaces

Everything that crosses a process boundary: names, messages, services, actions, parameters.

This page is written by [`generate_interfaces.py`](generate_interfaces.py) from the files it
describes. To change it, change those and run `./run shell -c 'python docs/generate_interfaces.py'`.

Units stand in brackets: `[-]` has none, everything else is SI, and `[px]` counts pixels. Text and
truth values have no unit. "Not used yet" marks an interface that is defined and that no node
offers or asks for so far.
"""

CONTRACT = """\
## The environment contract

Names are relative, so a namespace makes another environment. What happens on them, also when
something goes wrong, is told in [ARCHITECTURE.md](../ARCHITECTURE.md#the-environment-contract).
"""

ROBOT = """\
## The robot

Its parts speak on these names; [safety.md](safety.md) tells what each does when another is
silent.
"""

LEARNER = """\
## The learner

Its nodes may be anywhere; runs are folders that learner, distiller and policy see by the same path.
"""

PARAMETERS = """\
## Parameters

Each table is one schema file beside the code that reads it. A node that serves an environment has
the parameters of `environment_server` and its own. Fixed ones are set when the node starts; a value
that is not valid, or a parameter that nobody declares, ends the node with a sentence that says so.
"""

# Name, type, who sends to whom, profile, what it is for. Actions and services have ROS's own QoS.
ENDPOINTS: dict[str, tuple[str, str, str, str]] = {
    names.SPEC: ("EnvironmentSpec", "server → clients", "LATCHED", "what the environment is"),
    names.RESET: ("ResetEnvironment", "client → server", "", "begins an episode"),
    names.OBSERVATION: ("Observation", "server → clients", "TURN", "each turn, as it opens"),
    names.ACTION: ("Action", "client → server", "TURN", "the answer to a turn"),
    names.REFUSAL: ("ActionRefusal", "server → clients", "TURN", "why an action was not taken"),
    names.RELEASE: ("ReleaseEnvironment", "client → server", "", "lets go of the environment"),
    names.HALT: ("std_msgs/String", "anybody → server", "EVENT", "stand still at once, and why"),
}

# Likewise, of a robot's parts.
ROBOT_ENDPOINTS: dict[str, tuple[str, str, str, str]] = {
    names.JOINT_STATES: ("sensor_msgs/JointState", "arm → all", "SENSOR", "the joints"),
    names.TOOL_POSE: ("geometry_msgs/PoseStamped", "arm → all", "SENSOR", "where the tool is"),
    names.ARM_STATUS: ("ArmStatus", "arm → all", "LATCHED", "how the arm is, and why it stopped"),
    names.ARM_COMMAND: ("ToolCommand", "environment → arm", "COMMAND", "where to be; expires"),
    names.ARM_STOP: ("std_srvs/Trigger", "anybody → arm", "", "stops until it is recovered"),
    names.ARM_RECOVER: ("RecoverArm", "anybody → arm", "", "takes commands again after a stop"),
    names.CAMERA_IMAGE: ("sensor_msgs/Image", "camera → all", "SENSOR", "full-size pictures"),
    names.CAMERA_INFO: ("sensor_msgs/CameraInfo", "camera → all", "SENSOR", "calibration"),
    names.CAMERA_COMPRESSED: ("sensor_msgs/CompressedImage", "camera → all", "SENSOR", "as JPEG"),
    names.SCENE_STATE: ("SceneState", "tracker → environment", "SENSOR", "what is seen of things"),
    names.SCENE_PREPARE: ("PrepareScene", "environment → emulator", "", "puts things in place"),
    names.SCENE_IMAGE: ("sensor_msgs/Image", "emulator → camera", "SENSOR", "the drawn table"),
    names.JOY: ("sensor_msgs/Joy", "joystick → teleop", "EVENT", "sticks and buttons"),
    names.OPERATOR_EVENT: ("OperatorEvent", "teleop → all", "EVENT", "what the person says"),
    names.RECORD: ("RecordDemonstration", "client → recorder", "", "records episodes"),
    names.MARKERS: (
        "visualization_msgs/MarkerArray",
        "environment → viewers",
        "LATCHED",
        "bounds, things and the tool's way",
    ),
    names.DIAGNOSTICS: ("diagnostic_msgs/DiagnosticArray", "all → monitors", "EVENT", "REP-107"),
}

# Likewise, of what learns.
LEARNER_ENDPOINTS: dict[str, tuple[str, str, str, str]] = {
    names.TRAIN: ("TrainExpert", "client → learner", "", "learns a task"),
    names.LEARNER_STATUS: ("LearningStatus", "learner → all", "LATCHED", "where it stands"),
    names.COMPUTE_REWARD: ("ComputeReward", "learner → service", "", "matches an episode"),
    names.DISTILL: ("Distill", "client → distiller", "", "makes one policy of experts"),
    names.DISTILLER_STATUS: ("LearningStatus", "distiller → all", "LATCHED", "where it stands"),
    names.LOAD_POLICY: ("LoadPolicy", "client → policy", "", "makes a policy ready"),
    names.RUN_TASK: ("RunTask", "client → policy", "", "does what a goal asks for, once"),
}

KINDS = {".msg": "Messages", ".srv": "Services", ".action": "Actions"}


def page() -> str:
    """Return the whole page."""
    interfaces = [read_interface(path) for path in interface_paths(SOURCE / "polytask_msgs")]
    known = {interface.name for interface in interfaces}
    used = used_interfaces()
    parts = [HEAD, CONTRACT, _endpoints(ENDPOINTS), ROBOT, _endpoints(ROBOT_ENDPOINTS)]
    parts += [LEARNER, _endpoints(LEARNER_ENDPOINTS)]
    parts += _profiles()
    for suffix, title in KINDS.items():
        parts.append(f"## {title}\n")
        for interface in interfaces:
            if interface.path.suffix == suffix:
                parts += _interface(interface, known, interface.name in used)
    parts.append(PARAMETERS)
    for path in sorted(SOURCE.glob("*/polytask_*/**/*.yaml")):
        parts.append(_parameters(path))
    return "\n".join(parts)


def used_interfaces() -> set[str]:
    """Return the names that any node or library, tests aside, imports from polytask_msgs."""
    imported = re.compile(r"from polytask_msgs\.\w+ import (?:\(([^)]*)\)|(.*))")
    found: set[str] = set()
    for path in SOURCE.glob("*/polytask_*/**/*.py"):
        if path.relative_to(SOURCE).parts[0] != "polytask_tests":
            for match in imported.finditer(path.read_text(encoding="utf-8")):
                found |= set(re.findall(r"\w+", match[1] or match[2]))
    return found


def _endpoints(endpoints: Mapping[str, tuple[str, str, str, str]]) -> str:
    there = {value for name, value in vars(names).items() if name.isupper()}
    told = {*ENDPOINTS, *ROBOT_ENDPOINTS, *LEARNER_ENDPOINTS}
    if there != told:
        sys.exit(f"what is told here and polytask_ros.names differ: {sorted(there ^ told)}")
    rows = [
        (f"`{name}`", _link(kind), way, profile or "ROS's own", purpose)
        for name, (kind, way, profile, purpose) in endpoints.items()
    ]
    return _table(("name", "type", "from → to", "QoS", "meaning"), rows)


def _profiles() -> Iterator[str]:
    """Tell the QoS profiles; the comment above each one says what it is for."""
    yield "## QoS profiles\n"
    pattern = r"((?:^#.*\n)+)^([A-Z_]+) = QoSProfile\("
    comments = {
        match[2]: _joined(line.removeprefix("#") for line in match[1].splitlines())
        for match in re.finditer(pattern, inspect.getsource(qos), re.MULTILINE)
    }
    rows = [
        (
            name,
            comments[name],
            _word(profile.reliability),
            _word(profile.durability),
            f"{_word(profile.history)} {profile.depth}",
        )
        for name, profile in vars(qos).items()
        if isinstance(profile, QoSProfile)
    ]
    yield _table(("profile", "for", "reliability", "durability", "history"), rows)


def _word(policy: object) -> str:
    return str(getattr(policy, "name", policy)).lower().replace("_", " ")


def _interface(interface: Interface, known: set[str], used: bool) -> Iterator[str]:
    path = interface.path.relative_to(ROOT)
    mark = "" if used else " *Not used yet.*"
    yield f"### {interface.name}\n"
    yield f"{interface.purpose}{mark} ([{interface.path.name}](../{path}))\n"
    for section in interface.sections:
        if section.name:
            yield f"**{section.name.capitalize()}**\n"
        yield _table(
            ("field", "type", "unit", "meaning"),
            [
                (f"`{field.name}`", _type(field, known), _unit(field.unit), _meaning(field))
                for field in section.fields
            ],
        )
        for field in section.fields:
            if field.constants:
                yield f"Values of `{field.name}`:\n"
                rows = [(f"`{one.name}`", one.value, one.comment) for one in field.constants]
                yield _table(("name", "value", "meaning"), rows)


def _meaning(field: Field) -> str:
    text, _ = split_unit(field.comment)
    # The page tells the constants below the fields.
    return re.sub(r"\bconstants above\b", "values below", text)


def _type(field: Field, known: set[str]) -> str:
    if field.base_type not in known:
        return f"`{field.type}`"
    return _link(field.base_type) + field.type.removeprefix(field.base_type).replace("[]", "\\[\\]")


def _link(name: str) -> str:
    # A name with its package is another project's, and documented there.
    return f"`{name}`" if "/" in name else f"[{name}](#{name.lower()})"


def _unit(unit: str) -> str:
    return f"[{unit}]" if unit else ""


def _parameters(path: Path) -> str:
    package = ".".join(path.relative_to(SOURCE).parts[1:-1])
    rows = [_parameter(declaration) for declaration in read_schema(package, path.name)]
    source = f"[{path.relative_to(SOURCE)}](../{path.relative_to(ROOT)})"
    columns = ("parameter", "type", "default", "unit", "valid", "fixed", "meaning")
    return f"### `{path.stem}`\n\n{source}\n\n{_table(columns, rows)}"


def _parameter(declaration: Declaration) -> tuple[str, ...]:
    meaning, unit = split_unit(declaration.description)
    default = "must be given" if declaration.default is None else f"`{declaration.default}`"
    return (
        f"`{declaration.name}`",
        f"`{declaration.type}`",
        default,
        _unit(unit),
        declaration.constraints() or "any",
        "yes" if declaration.read_only else "no",
        meaning,
    )


def _joined(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not escaped:
        return "No fields.\n"
    lines = [columns, ["---"] * len(columns), *escaped]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the page, or check that it is as it would be written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, end with 1 if stale")
    parser.add_argument("--page", type=Path, default=PAGE, help="another file than %(default)s")
    options = parser.parse_args()
    text = page()
    if not options.check:
        options.page.write_text(text, encoding="utf-8")
    elif not options.page.is_file() or options.page.read_text(encoding="utf-8") != text:
        sys.exit(f"{options.page} is stale; write it with: python docs/{Path(__file__).name}")


if __name__ == "__main__":
    main()
