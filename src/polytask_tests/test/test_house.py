"""How the house is kept: sizes, names, and package descriptions that agree."""

import ast
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src"
FOLDERS = ("benchmarks", "config", "docs", "launch", "src", "studies", "workspace")
LONGEST_FILE = 300
LONGEST_FUNCTION = 56
# What could be called so belongs to somebody, and is called after what it does.
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
GENERATED = "polytask_msgs"

PACKAGES = sorted(path.parent for path in SOURCE.glob("*/package.xml"))
PYTHON_PACKAGES = [package for package in PACKAGES if (package / "setup.py").exists()]
FILES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
]
CODE = [path for path in FILES if path.suffix == ".py" and not path.name.startswith("test_")]


def lengths(text):
    """Return the number of lines of a module, under its own name "", and of each function."""
    found = {"": len(text.splitlines())}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = max(found.get(node.name, 0), node.end_lineno - node.lineno + 1)
    return found


def too_long(text):
    """Return the lengths that pass the limits."""
    limits = {"": LONGEST_FILE}
    return {
        name: length
        for name, length in lengths(text).items()
        if length > limits.get(name, LONGEST_FUNCTION)
    }


def excused():
    """Return the text of all decision records: a path that one names may be longer."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    return "\n".join(record.read_text(encoding="utf-8") for record in records)


def test_no_file_or_function_is_too_long_unless_a_decision_names_it():
    records = excused()
    found = {}
    for path in CODE:
        name = path.relative_to(ROOT).as_posix()
        long = too_long(path.read_text(encoding="utf-8"))
        if long and name not in records:
            found[name] = long
    assert found == {}


def test_what_is_too_long_would_be_found():
    body = "    x = 1\n"
    assert too_long("def f():\n" + body * (LONGEST_FUNCTION - 1)) == {}
    assert too_long("async def f():\n" + body * LONGEST_FUNCTION) == {"f": LONGEST_FUNCTION + 1}
    assert too_long("x = 1\n" * (LONGEST_FILE + 1)) == {"": LONGEST_FILE + 1}


def nameless(paths):
    """Return the paths whose file or folder is called after nothing."""
    return [path for path in paths if NAMELESS & {re.split(r"\.", part)[0] for part in path.parts}]


def test_everything_is_called_after_what_it_is():
    assert nameless(path.relative_to(ROOT) for path in FILES) == []
    assert nameless([Path("a/utils.py"), Path("common/b.py"), Path("a/use.py")]) == [
        Path("a/utils.py"),
        Path("common/b.py"),
    ]


def described_by_xml(package):
    """Return what package.xml states."""
    tree = ET.parse(package / "package.xml")  # noqa: S314  # our own file
    facts = {name: tree.findtext(name) for name in ("name", "version", "license", "maintainer")}
    return {**facts, "maintainer_email": tree.find("maintainer").get("email")}


def described_by_setup(package):
    """Return what setup.py states."""
    tree = ast.parse((package / "setup.py").read_text(encoding="utf-8"))
    values = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            values[node.targets[0].id] = ast.literal_eval(node.value)
    (call,) = [node.value for node in tree.body if isinstance(node, ast.Expr)][-1:]
    facts = {}
    for keyword in call.keywords:
        if isinstance(keyword.value, ast.Name):
            facts[keyword.arg] = values[keyword.value.id]
        elif isinstance(keyword.value, ast.Constant):
            facts[keyword.arg] = keyword.value.value
    return facts


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=lambda package: package.name)
def test_the_descriptions_of_a_package_agree(package):
    stated = described_by_xml(package)
    assert stated["name"] == package.name
    facts = described_by_setup(package)
    assert {name: facts[name] for name in stated} == stated
    assert (package / "resource" / package.name).is_file()
    assert (package / package.name / "py.typed").is_file()
    folder = f"$base/lib/{package.name}"
    expected = f"[develop]\nscript_dir={folder}\n[install]\ninstall_scripts={folder}\n"
    assert (package / "setup.cfg").read_text(encoding="utf-8") == expected


# How a name of a ROS package looks, among all that a module may import.
OF_ROS = re.compile(r"\w+_(msgs|srvs|interfaces)|rclpy|ament_index_python|polytask_\w+")


def imported(texts):
    """Return the ROS packages that modules of these texts import."""
    names = set()
    for node in (node for text in texts for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    packages = {name.split(".")[0] for name in names}
    return {package for package in packages if OF_ROS.fullmatch(package)}


def declared(package, *kinds):
    """Return what package.xml declares by elements of these `kinds`."""
    tree = ET.parse(package / "package.xml")  # noqa: S314  # our own file
    return {element.text for kind in kinds for element in tree.iter(kind)}


def texts_of(folder):
    """Return the text of each module below `folder`."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize("package", PYTHON_PACKAGES, ids=lambda package: package.name)
def test_a_package_declares_every_package_of_ros_that_it_imports(package):
    own = imported(texts_of(package / package.name)) - {package.name}
    tested = imported(texts_of(package / "test")) - {package.name}
    assert sorted(own - declared(package, "exec_depend")) == []
    assert sorted(tested - declared(package, "exec_depend", "test_depend")) == []


def test_imports_are_found_wherever_they_stand():
    deeper = "import os, rclpy.node\nif x:\n    import std_msgs.msg as m"
    others = "from std_srvs.srv import Trigger\nfrom polytask_ros import qos"
    assert imported([deeper, others]) == {
        "rclpy",
        "std_srvs",
        "std_msgs",
        "polytask_ros",
    }


def test_all_packages_are_of_one_version():
    assert len({described_by_xml(package)["version"] for package in PACKAGES}) == 1


def test_the_import_contracts_cover_every_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    covered = settings["tool"]["importlinter"]["root_packages"]
    assert sorted(covered) == [package.name for package in PYTHON_PACKAGES]
    others = [package.name for package in PACKAGES if package not in PYTHON_PACKAGES]
    assert others == ["polytask_bringup", GENERATED]
