"""The launch files and the parameters they pass, read without running them.

Where ROS comes from wheels there is no `launch`, so what it would only find out at the robot is
found out here by reading: whatever a launch file names is there, and takes what it is given.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from polytask_ros.parameter_file import InvalidParameterFile, check_parameter_file
from polytask_ros.parameters import Declaration, InvalidParameter, read_schema

ROOT = Path(__file__).resolve().parents[3]
BRINGUP = "polytask_bringup"
NODE_ACTIONS = ("Node", "LifecycleNode")
# Those of Jazzy write into the list of the group outside, so that nodes beside it get them too.
LEAKING_ACTIONS = ("SetParameter", "SetParametersFromFile")
PYTHON_TYPES = {"bool": bool, "int": int, "double": float, "string": str}
USE_SIM_TIME = Declaration("use_sim_time", "bool", False, "Declared by every node.", False, {})
# Nodes that only look on: a robot does not stop for them.
ONLOOKERS = ("live",)


def read_all(folder, pattern):
    """Return the texts of the files of `folder`, by their paths from the root."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / folder).glob(pattern))
    }


LAUNCH = read_all("launch", "*")
CONFIG = read_all("config", "**/*.yaml")


# What there is: executables, and the parameters that each declares


def executables():
    """Return the executables of every package."""
    found = {}
    for package in sorted(path.parent for path in ROOT.glob("src/*/package.xml")):
        names = set()
        if (package / "setup.py").exists():
            for node in ast.walk(ast.parse((package / "setup.py").read_text(encoding="utf-8"))):
                if isinstance(node, ast.Dict):
                    for key, value in zip(node.keys, node.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == "console_scripts":
                            scripts = ast.literal_eval(value)
                            names |= {script.partition("=")[0].strip() for script in scripts}
        found[package.name] = names
    return found


EXECUTABLES = executables()


@cache
def declared_by(package, executable):
    """Return the parameters that an executable's node declares, by name."""
    folder = ROOT / "src" / package / package / "ros"
    declarations = list(read_schema(f"{package}.ros", f"{executable}.yaml"))
    if "(EnvironmentServer)" in (folder / f"{executable}.py").read_text(encoding="utf-8"):
        declarations += read_schema("polytask_ros", "environment_server.yaml")
    return {one.name: one for one in [*declarations, USE_SIM_TIME]}


def is_a_node(package, executable):
    return (ROOT / "src" / package / package / "ros" / f"{executable}.yaml").exists()


NODES = {
    executable: package
    for package, names in EXECUTABLES.items()
    for executable in names
    if is_a_node(package, executable)
}


# Reading a launch file


@dataclass
class Argument:
    """What DeclareLaunchArgument says."""

    name: str
    default: str | None
    description: str
    choices: list[str] | None


@dataclass
class StartedNode:
    """What Node or LifecycleNode says, and the namespaces that it is put into."""

    call: ast.Call
    namespaces: list[ast.expr]

    def given(self, name: str) -> ast.expr | None:
        """Return what it is given by a keyword."""
        return next((word.value for word in self.call.keywords if word.arg == name), None)


class Reading:
    """What a launch file says; `faults` are what it says that cannot be read."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.faults: list[str] = []
        self.arguments: dict[str, Argument] = {}
        self.includes: list[ast.Call] = []
        self.nodes: list[StartedNode] = []
        self._functions = {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)
        }
        self._names: dict[str, ast.expr] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                self._assign(node.targets[0], node.value)
        self._seen: set[ast.AST] = set()
        start = self._functions.get("generate_launch_description")
        if start is None:
            self.faults.append("there is no generate_launch_description")
            return
        self._function(start, [])
        for call in self.calls(*NODE_ACTIONS, "DeclareLaunchArgument", "IncludeLaunchDescription"):
            if call not in self._seen:
                self.faults.append(f"line {call.lineno} is never part of what is launched")

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            before = self._names.setdefault(target.id, value)
            if ast.unparse(before) != ast.unparse(value):
                self.faults.append(f"{target.id} stands for two things")
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for each, part in zip(target.elts, value.elts, strict=True):
                self._assign(each, part)

    def resolved(self, node: ast.expr) -> ast.expr:
        """Return what a name stands for."""
        while isinstance(node, ast.Name) and node.id in self._names:
            node = self._names[node.id]
        return node

    def constant(self, node: ast.expr | None, what: str) -> str:
        """Return a text that stands there literally."""
        found = None if node is None else self.resolved(node)
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            return found.value
        self.faults.append(f"{what} cannot be read")
        return ""

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Return every call of something by one of these names."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and called(node) in names:
                yield node

    def _function(self, function: ast.FunctionDef, namespaces: list[ast.expr]) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                self._visit(node.value, namespaces)

    def _visit(self, node: ast.expr, namespaces: list[ast.expr]) -> None:
        node = self.resolved(node)
        if isinstance(node, ast.Starred):
            self._visit(node.value, namespaces)
        elif isinstance(node, ast.List | ast.Tuple):
            for part in node.elts:
                self._visit(part, namespaces)
        elif isinstance(node, ast.Call):
            self._visit_call(node, namespaces)

    def _visit_call(self, call: ast.Call, namespaces: list[ast.expr]) -> None:
        self._seen.add(call)
        name = called(call)
        if name == "GroupAction":
            namespaces = list(namespaces)
        if name in NODE_ACTIONS:
            self.nodes.append(StartedNode(call, list(namespaces)))
        elif name == "DeclareLaunchArgument":
            self._declare(call)
        elif name == "IncludeLaunchDescription":
            self.includes.append(call)
        elif name == "PushRosNamespace":
            namespaces.append(call.args[0])
        elif name in LEAKING_ACTIONS:
            self.faults.append(f"{name} reaches nodes outside of its group")
        elif name in self._functions:
            self._function(self._functions[name], namespaces)
        else:
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                self._visit(argument, namespaces)

    def _declare(self, call: ast.Call) -> None:
        name = self.constant(call.args[0], "an argument's name")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        default = None
        if "default_value" in given:
            default = self.shared_path(given["default_value"]) or self.constant(
                given["default_value"], f"default_value of argument {name}"
            )
        description = given.get("description", ast.Constant(""))
        choices = None
        if "choices" in given:
            choices = ast.literal_eval(self.resolved(given["choices"]))
        self.arguments[name] = Argument(
            name, default, self.constant(description, f"description of argument {name}"), choices
        )

    def configuration(self, node: ast.expr) -> str | None:
        """Return the argument that an expression stands for, if it is one."""
        node = self.resolved(node)
        if isinstance(node, ast.Call) and called(node) == "ParameterValue":
            node = self.resolved(node.args[0])
        if isinstance(node, ast.Call) and called(node) == "LaunchConfiguration":
            return self.constant(node.args[0], "a LaunchConfiguration")
        return None

    def shared_path(self, node: ast.expr) -> str | None:
        """Return a path below this package's share, in which $(name) is an argument."""
        node = self.resolved(node)
        if isinstance(node, ast.List):
            # Jazzy joins such a list, though not one inside a path.
            base = self.shared_path(node.elts[0])
            return base and base + "".join(self._piece(part) for part in node.elts[1:])
        if not (isinstance(node, ast.Call) and called(node) == "PathJoinSubstitution"):
            return None
        parts = self.resolved(node.args[0])
        share = self.resolved(parts.elts[0]) if isinstance(parts, ast.List) else None
        if not (isinstance(share, ast.Call) and called(share) == "FindPackageShare"):
            self.faults.append(f"line {node.lineno} is not a path in a package's share")
            return None
        if self.constant(share.args[0], "a package") != BRINGUP:
            self.faults.append(f"line {node.lineno} leads into another package; valid: {BRINGUP}")
        return "share/" + "/".join(self._piece(part) for part in parts.elts[1:])

    def _piece(self, node: ast.expr) -> str:
        argument = self.configuration(node)
        return f"$({argument})" if argument else self.constant(node, "a part of a path")


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


# Judging it


class Judge:
    """Finds what is wrong in one launch file among others, and says each in a sentence."""

    def __init__(self, name: str, launch: dict[str, str], config: dict[str, str]) -> None:
        self.name, self.launch, self.config = name, launch, config
        self.reading = Reading(launch[name])
        self.faults = self.reading.faults
        self.arguments = dict(self.reading.arguments)
        self.passed: set[str] = set()

    def judge(self) -> list[str]:
        """Return every fault."""
        for include in self.reading.includes:
            self._include(include)
        self._configurations()
        for node in self.reading.nodes:
            self._node(node)
        for argument in self.reading.arguments.values():
            self._argument(argument)
        for argument in self.arguments.values():
            self._compared(argument)
        self._words_waited_for()
        return list(dict.fromkeys(self.faults))

    # What is included

    def _include(self, call: ast.Call) -> None:
        for path in self._paths(call.args[0]):
            if path not in self.launch:
                self._fault(f"includes {path}, which is not there")
                continue
            inner = Judge(path, self.launch, self.config)
            for include in inner.reading.includes:
                inner._include(include)
            for name, argument in inner.arguments.items():
                if name in self.reading.arguments and self.reading.arguments[name] != argument:
                    self._fault(f"declares {name} otherwise than {path}")
                self.arguments.setdefault(name, argument)
            self._given(call, path, inner.arguments)

    def _given(self, call: ast.Call, path: str, arguments: dict[str, Argument]) -> None:
        for keyword in call.keywords:
            if keyword.arg != "launch_arguments":
                continue
            given = keyword.value
            if isinstance(given, ast.Call) and called(given) == "items":
                given = given.func.value  # type: ignore[attr-defined]
            given = self.reading.resolved(given)
            if not isinstance(given, ast.Dict):
                self._fault("includes with arguments that cannot be read")
                continue
            for key, value in zip(given.keys, given.values, strict=True):
                name = self.reading.constant(key, "the name of an included argument")
                if name not in arguments:
                    self._fault(f"gives {name} to {path}; valid: {', '.join(arguments)}")
                    continue
                choices = arguments[name].choices
                literal = self.reading.resolved(value)
                if isinstance(literal, ast.Constant) and choices and literal.value not in choices:
                    self._fault(f"gives {name}:={literal.value} to {path}; valid: {choices}")

    # What is named

    def _configurations(self) -> None:
        for call in self.reading.calls("LaunchConfiguration"):
            name = self.reading.constant(call.args[0], "a LaunchConfiguration")
            if name not in self.arguments:
                self._fault(f"asks for {name!r}, which nobody declares")
        for node in ast.walk(self.reading.tree):
            # given["robot"], where given is what the context holds.
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Constant)
                and "launch_configurations" in ast.unparse(self.reading.resolved(node.value))
                and node.slice.value not in self.arguments
            ):
                self._fault(f"asks for {node.slice.value!r}, which nobody declares")

    def _paths(self, node: ast.expr) -> list[str]:
        """Return the files that a path in the share may be, one for each choice of arguments."""
        template = self.reading.shared_path(node)
        if template is None:
            self._fault("names a file that cannot be read")
            return []
        names = re.findall(r"\$\((\w+)\)", template)
        found = []
        for values in itertools.product(*(self._choices_of(name) for name in names)):
            path = template.removeprefix("share/")
            for name, value in zip(names, values, strict=True):
                path = path.replace(f"$({name})", value)
            found.append(path)
        return found

    def _choices_of(self, name: str) -> list[str]:
        choices = self.arguments[name].choices if name in self.arguments else None
        if not choices:
            self._fault(f"makes a path of {name}, which has no choices")
        return choices or []

    # The nodes

    def _node(self, node: StartedNode) -> None:
        package = self._package(node)
        executable = self.reading.constant(node.given("executable"), "a node's executable")
        if package not in EXECUTABLES:
            self._fault(f"starts a node of {package}; valid: {', '.join(EXECUTABLES)}")
            return
        valid = sorted(EXECUTABLES[package])
        if executable not in valid or not is_a_node(package, executable):
            self._fault(f"starts {package}/{executable}; valid: {', '.join(valid)}")
            return
        if called(node.call) == "LifecycleNode":
            if self.reading.constant(node.given("name"), "a node's name") != executable:
                self._fault(f"calls {executable} otherwise than it calls itself")
        elif node.given("name") is not None:
            # A client of the environment is a node of its own in the same process.
            self._fault(f"gives a name to every node in the process of {executable}")
        if [self.reading.configuration(one) for one in node.namespaces] != ["namespace"]:
            self._fault(f"does not put {executable} into the namespace that is asked for")
        ending = node.given("on_exit")
        required = executable not in ONLOOKERS
        if required and (not isinstance(ending, ast.Call) or called(ending) != "Shutdown"):
            self._fault(f"goes on when {executable} ends")
        self._parameters(executable, declared_by(package, executable), node.given("parameters"))

    def _parameters(
        self, node: str, declared: dict[str, Declaration], given: ast.expr | None
    ) -> None:
        """Judge files and values: what is shipped, then params_file, then what arguments say."""
        listed = self.reading.resolved(given) if given is not None else None
        entries = listed.elts if isinstance(listed, ast.List) else []
        ranks = []
        for entry in map(self.reading.resolved, entries):
            if isinstance(entry, ast.Dict):
                ranks.append(2)
                names = [self.reading.constant(key, "a parameter") for key in entry.keys if key]
                for name, value in zip(names, entry.values, strict=True):
                    self._parameter(node, declared, name, value)
                if "use_sim_time" not in names:
                    self._fault(f"does not give use_sim_time to {node}")
            elif self.reading.configuration(entry) == "params_file":
                ranks.append(1)
            else:
                ranks.append(0)
                for path in self._paths(entry):
                    self._parameter_file(path)
        if ranks != sorted(ranks) or ranks[-2:] != [1, 2]:
            self._fault(f"does not give {node} what is shipped, params_file and arguments, in turn")

    def _parameter(
        self, node: str, declared: dict[str, Declaration], name: str, value: ast.expr
    ) -> None:
        if name not in declared:
            self._fault(f"gives {name} to {node}; valid: {', '.join(declared)}")
            return
        for leaf in self._leaves(value):
            argument = self.reading.configuration(leaf)
            if isinstance(leaf, ast.Constant):
                self._value(f"gives {node} what it refuses", declared[name], leaf.value)
            elif argument is None:
                self._fault(f"gives {name} to {node} by what cannot be read")
            elif argument in self.arguments:
                self._closed(argument, declared[name])

    def _leaves(self, value: ast.expr) -> list[ast.expr]:
        """Return the values that an expression may have: one, or both of an IfElse."""
        value = self.reading.resolved(value)
        if isinstance(value, ast.Call) and called(value) == "ParameterValue":
            return self._leaves(value.args[0])
        if isinstance(value, ast.Call) and called(value) == "IfElseSubstitution":
            return [leaf for part in value.args[1:] for leaf in self._leaves(part)]
        return [value]

    def _value(self, what: str, declaration: Declaration, value: object) -> None:
        problem = wrong_value(declaration, value)
        if problem:
            self._fault(f"{what}: {problem}")

    def _closed(self, name: str, declaration: Declaration) -> None:
        """Hold an argument to the parameter that it becomes."""
        argument = self.arguments[name]
        valid = declaration.validation.get("one_of<>", [None])[0]
        if declaration.type == "bool":
            valid = ["false", "true"]
        if valid is not None and not (argument.choices and set(argument.choices) <= set(valid)):
            self._fault(f"declares {name} without the choices {', '.join(valid)}")
        for choice in argument.choices or ([argument.default] if argument.default else []):
            value = choice if declaration.type == "string" else yaml.safe_load(choice)
            self._value(f"declares {name} with what is refused", declaration, value)

    # Files of parameters

    def _parameter_file(self, path: str) -> None:
        self.passed.add(path)
        if path not in self.config:
            self._fault(f"passes {path}, which is not there")
            return
        for fault in parameter_file_faults(path, self.config[path]):
            self._fault(fault)

    # Arguments

    def _argument(self, argument: Argument) -> None:
        if not argument.description.endswith("."):
            self._fault(f"declares {argument.name} without a sentence that describes it")
        if argument.choices is not None and argument.default not in (None, *argument.choices):
            self._fault(f"declares {argument.name} with a default that is no choice")

    def _compared(self, argument: Argument) -> None:
        compared = set()
        for call in self.reading.calls("EqualsSubstitution", "NotEqualsSubstitution"):
            if self.reading.configuration(call.args[0]) == argument.name:
                compared.add(self.reading.constant(call.args[1], "what is compared"))
        for call in self.reading.calls("IfCondition", "UnlessCondition"):
            if self.reading.configuration(call.args[0]) == argument.name:
                compared |= {"true", "false"}
        missing = sorted(compared - {"", *(argument.choices or [])})
        if missing:
            self._fault(f"asks whether {argument.name} is {', '.join(missing)}, no choice of it")

    def _words_waited_for(self) -> None:
        """Look for the words of a node that something waits for in what the nodes are made of."""
        packages = {self._package(node) for node in self.reading.nodes}
        sources = "".join(
            path.read_text(encoding="utf-8")
            for package in packages
            for path in (ROOT / "src" / package / package / "ros").glob("*.py")
        )
        for node in ast.walk(self.reading.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                words = node.value.decode()
                if words not in sources:
                    self._fault(f"waits for {words!r}, which no node says")

    def _package(self, node: StartedNode) -> str:
        return self.reading.constant(node.given("package"), "a node's package")

    def _fault(self, sentence: str) -> None:
        self.faults.append(sentence)


def wrong_value(declaration: Declaration, value: object) -> str:
    """Return why a parameter would not take `value`; empty when it would."""
    elements = value if isinstance(value, list) else [value]
    kind = PYTHON_TYPES[declaration.type.removesuffix("_array")]
    fits = isinstance(value, list) == declaration.type.endswith("_array")
    # A bool is an int to Python and not to ROS.
    if not fits or not all(type(element) is kind for element in elements):
        return f"{declaration.name} is {value!r}; valid: {declaration.type}"
    try:
        declaration.check(value)
    except InvalidParameter as error:
        return str(error)
    return ""


def flat(tree: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Return the parameters of a section, by their joined names."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def parameter_file_faults(path: str, text: str) -> list[str]:
    """Return what the nodes would not take of a shipped file of parameters."""
    faults = []
    for section, content in (yaml.safe_load(text) or {}).items():
        node = section.removeprefix("/**/")
        if section == node or node not in NODES:
            faults.append(f"{path} has a section {section!r}; valid: /**/NODE")
            continue
        declared = declared_by(NODES[node], node)
        if list(content) != ["ros__parameters"]:
            faults.append(f"{path} has {', '.join(content)} in {section}; valid: ros__parameters")
            continue
        for name, value in flat(content["ros__parameters"]):
            if name not in declared:
                faults.append(f"{path} gives {name} to {node}; valid: {', '.join(declared)}")
            elif problem := wrong_value(declared[name], value):
                faults.append(f"{path} gives {node} what it refuses: {problem}")
    return faults


def faults(name, launch=LAUNCH, config=CONFIG):
    """Return what is wrong in the launch file `name`."""
    return Judge(name, launch, config).judge()


# The law


def test_there_are_launch_files():
    assert sorted(LAUNCH) == [
        f"launch/{name}.launch.py" for name in ("learn", "policy", "robot", "sim", "teleop")
    ]


@pytest.mark.parametrize("name", LAUNCH)
def test_what_a_launch_file_names_is_there(name):
    assert faults(name) == []


def test_every_file_of_parameters_is_passed_by_a_launch_file():
    passed = set()
    for name in LAUNCH:
        judge = Judge(name, LAUNCH, CONFIG)
        judge.judge()
        passed |= judge.passed
    assert passed == {path for path in CONFIG if path.startswith("config/parameters/")}


@pytest.mark.parametrize("namespace", ["", "left", "/a/b"])
def test_the_files_of_parameters_are_for_every_namespace(namespace):
    for path in CONFIG:
        if path.startswith("config/parameters/"):
            check_parameter_file(ROOT / path, namespace, in_a_file())


def in_a_file():
    """Return what robot.launch.py lets a parameter file speak of."""
    reading = Reading(LAUNCH["launch/robot.launch.py"])
    return ast.literal_eval(reading.resolved(ast.Name("NODES")))


def test_a_parameter_file_may_speak_of_every_node_and_of_no_argument():
    given = {name: set() for name in NODES}
    for text in LAUNCH.values():
        for node in Reading(text).nodes:
            (values,) = [
                entry for entry in node.given("parameters").elts if isinstance(entry, ast.Dict)
            ]
            name = ast.literal_eval(node.given("executable"))
            given[name] = {key.value for key in values.keys} - {"use_sim_time"}
    assert {name: set(parameters) for name, parameters in in_a_file().items()} == given


def test_the_package_depends_on_what_is_started():
    started = {
        ast.literal_eval(keyword.value)
        for text in LAUNCH.values()
        for call in Reading(text).calls(*NODE_ACTIONS)
        for keyword in call.keywords
        if keyword.arg == "package"
    }
    tree = ET.parse(ROOT / "src" / BRINGUP / "package.xml")  # noqa: S314  # our own file
    depends = {element.text for element in tree.findall("exec_depend")}
    imported = {
        (node.module or "").partition(".")[0]
        for text in LAUNCH.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
    }
    assert depends == {*started, *imported, "ros2launch"}


def test_the_page_tells_every_launch_file_and_argument():
    page = (ROOT / "docs" / "launching.md").read_text(encoding="utf-8")
    for name, text in LAUNCH.items():
        assert f"`{Path(name).name}`" in page
        for argument in Reading(text).arguments.values():
            row = re.search(rf"^\| `{argument.name}` \|.*$", page, flags=re.MULTILINE)
            assert row, f"{argument.name} is not told"
            for choice in argument.choices or []:
                assert f"`{choice}`" in row[0], f"{argument.name}:={choice} is not told"


# The law would notice


def edited(name, old, new):
    """Return the launch files with one passage of one of them exchanged."""
    text = LAUNCH[name]
    assert text.count(old) >= 1, f"{old!r} is not in {name}"
    return {**LAUNCH, name: text.replace(old, new, 1)}


ROBOT, LEARN, POLICY, SIM, TELEOP = (
    f"launch/{name}.launch.py" for name in ("robot", "learn", "policy", "sim", "teleop")
)


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        (ROBOT, 'package="polytask_sim"', 'package="polytask_sin"', "node of polytask_sin; valid"),
        (ROBOT, 'executable="arm"', 'executable="armm"', "starts polytask_xarm_driver/armm; valid"),
        (SIM, '"robot.launch.py"', '"robots.launch.py"', "includes launch/robots.launch.py, which"),
        (SIM, '{"robot": "sim"}', '{"robto": "sim"}', "gives robto to launch/robot.launch.py"),
        (SIM, '{"robot": "sim"}', '{"robot": "simm"}', "gives robot:=simm to launch/robot"),
        (SIM, '"polytask_bringup"', '"polytask_sim"', "leads into another package"),
        (SIM, "def generate_launch_description", "def describe", "no generate_launch_description"),
        (ROBOT, '"autostart": False', '"autostrat": False', "gives autostrat to arm; valid"),
        (ROBOT, '"autostart": False', '"autostart": "no"', "autostart is 'no'; valid: bool"),
        (ROBOT, '"autostart": False', '"speed": 2.0', "parameter speed is 2.0; valid: from"),
        (ROBOT, '"autostart": False', '"speed": 1', "speed is 1; valid: double"),
        (ROBOT, '"127.0.0.1", ROBOT_IP', '"", ROBOT_IP', "parameter address is ''; valid: not em"),
        (ROBOT, '"address": ADDRESS', '"adress": ADDRESS', "gives adress to xarm_emulator; valid"),
        (POLICY, '"run": run', '"runs": run', "gives runs to policy; valid: run, "),
        (LEARN, '"learner.yaml"', '"learn.yaml"', "passes config/parameters/learn.yaml, which is"),
        (ROBOT, '"parameters", ROBOT', '"robots", ROBOT', "passes config/robots/emulated.yaml, wh"),
        (ROBOT, '"parameters", ROBOT', '"parameters", [ROBOT]', "a part of a path cannot be read"),
        (ROBOT, '"sim", "emulated", "xarm"]', '"sim", "xarm"]', "whether robot is emulated, no"),
        (ROBOT, 'choices=["sim", "emulated", "xarm"],', "", "makes a path of robot, which has no"),
        (ROBOT, 'default_value="sim"', 'default_value="simm"', "robot with a default that is no"),
        (
            ROBOT,
            'choices=["true", "false"],\n        description="Whether to bring',
            'description="Whether to bring',
            "asks whether environment is false, true, no choice of it",
        ),
        (
            ROBOT,
            'choices=["true", "false"],\n        description="Whether stamps',
            'description="Whether stamps',
            "declares use_sim_time without the choices false, true",
        ),
        (
            ROBOT,
            'description="Whether stamps follow /clock."',
            'description=""',
            "declares use_sim_time without a sentence",
        ),
        (
            ROBOT,
            'LaunchConfiguration("suite"),',
            'LaunchConfiguration("world"),',
            "asks for 'world'",
        ),
        (ROBOT, 'given["params_file"]', 'given["param_file"]', "asks for 'param_file', which"),
        (POLICY, 'LaunchConfiguration("run")', 'LaunchConfiguration("runs")', "asks for 'runs'"),
        (ROBOT, 'b"an xArm 7 with', 'b"a xArm 7 with', "waits for 'a xArm 7 with firmware', which"),
        (ROBOT, 'name="arm"', 'name="hand"', "calls arm otherwise than it calls itself"),
        (
            POLICY,
            'executable="policy",',
            'executable="policy", name="policy",',
            "gives a name to every node in the process of policy",
        ),
        (
            LEARN,
            'on_exit=Shutdown(reason="the distiller ended", condition=RUNNING),',
            "",
            "goes on when distiller ends",
        ),
        (
            LEARN,
            'PushRosNamespace(LaunchConfiguration("namespace")),',
            "",
            "does not put distiller into the namespace",
        ),
        (
            LEARN,
            'PushRosNamespace(LaunchConfiguration("namespace")),',
            'PushRosNamespace(LaunchConfiguration("namespace")), SetParameter("keep", 1),',
            "SetParameter reaches nodes outside of its group",
        ),
        (
            LEARN,
            "parameters=[shipped, params_file, {",
            "parameters=[params_file, shipped, {",
            "does not give expert_learner what is shipped, params_file and arguments, in turn",
        ),
        (
            LEARN,
            "parameters=[shipped, params_file, {",
            "parameters=[shipped, {",
            "does not give expert_learner what is shipped, params_file and arguments, in turn",
        ),
        (
            LEARN,
            "parameters=[shipped, params_file, {",
            "parameters=[names, params_file, {",
            "names a file that cannot be read",
        ),
        (POLICY, '{"use_sim_time": use_sim_time, ', "{", "does not give use_sim_time to policy"),
        (TELEOP, "GroupAction(operator)", "", "is never part of what is launched"),
        (SIM, "return LaunchDescription(", "LaunchDescription(", "is never part of what is"),
        (
            POLICY,
            '"run",\n        default_value=""',
            '"environment",\n        default_value=""',
            "declares environment otherwise than launch/robot.launch.py",
        ),
        (ROBOT, '"suite": SUITE', "SUITE: SUITE", "a parameter cannot be read"),
        (ROBOT, "EMULATOR, ARM, CAMERA", "EMULATOR, ARM", "is never part of what is launched"),
    ],
)
def test_a_launch_file_that_names_what_is_not_there_is_found(name, old, new, fault):
    found = faults(name, edited(name, old, new))
    assert any(fault in one for one in found), found


def test_an_argument_is_held_to_the_parameter_that_it_becomes():
    given = '"autostart": LaunchConfiguration("task")'
    found = faults(ROBOT, edited(ROBOT, '"autostart": False', given))
    assert "declares task without the choices false, true" in found
    found = faults(
        ROBOT, edited(ROBOT, '"autostart": False', '"rate": LaunchConfiguration("robot")')
    )
    assert "declares robot with what is refused: rate is 'sim'; valid: double" in found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("/**/arm:", "/**/arn:", "has a section '/**/arn'; valid: /**/NODE"),
        ("/**/arm:", "arm:", "has a section 'arm'; valid: /**/NODE"),
        ("ros__parameters:", "parameters:", "has parameters in /**/arm; valid: ros__parameters"),
        ("mass:", "weight:", "gives tool.weight to arm; valid: address, "),
        ("mass: 0.82", "mass: 5.0", "parameter tool.mass is 5.0; valid: from 0.0 to 3.5"),
        ("mass: 0.82", "mass: 1", "tool.mass is 1; valid: double"),
        ("low: [0.2, -0.35, 0.02]", "low: [0.2, -0.35]", "workspace.low is [0.2, -0.35]; valid: 3"),
        ("low: [0.2, -0.35, 0.02]", "low: 0.2", "workspace.low is 0.2; valid: double_array"),
        ("success: operator", "success: me", "success is 'me'; valid: one of"),
    ],
)
def test_a_file_of_parameters_that_no_node_would_take_is_found(old, new, fault):
    path = "config/parameters/xarm.yaml"
    text = CONFIG[path]
    assert text.count(old) >= 1
    found = faults(ROBOT, LAUNCH, {**CONFIG, path: text.replace(old, new, 1)})
    assert any(fault in one for one in found), found


def test_a_file_of_parameters_in_no_section_is_refused_before_anything_runs():
    with pytest.raises(InvalidParameterFile):
        check_parameter_file(ROOT / "config" / "robots" / "xarm7_table.yaml", "", in_a_file())
